// SPDX-License-Identifier: Apache-2.0
//! Bodies of Mimir's HTTP API (`/api/v1`), one file a noun. Requests refuse unknown members.
//! With the feature `openapi` each body also describes itself for the OpenAPI document.

pub mod alert;
pub mod audit;
pub mod auth;
pub mod campaign;
pub mod enrollment;
pub mod host;
pub mod hunt;
pub mod indicator;
pub mod live;
pub mod page;
pub mod problem;
pub mod query;
pub mod saved_query;
pub mod schema;
pub mod settings;
pub mod target;
pub mod user;

/// An enumeration whose values are snake_case words on the wire, in storage and on screen. A word
/// is taken as `tt`: a `literal` reaches derive macros inside a group, where utoipa misses it.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:tt),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize,
        )]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum $name {
            $($(#[$vmeta])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// All values, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands for this value everywhere.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value a word stands for.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;
