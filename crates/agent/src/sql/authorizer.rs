// SPDX-License-Identifier: Apache-2.0
//! What a statement may do: read. This is osquery's allow-list (`osquery/sql/sqlite_util.h`)
//! without everything that writes, so a statement leaves no trace.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// Pragmas that only read, and only when they are given nothing to set.
const PRAGMAS_READ: [&str; 4] = ["table_info", "table_xinfo", "function_list", "collation_list"];

/// Functions that do more than compute: they load code or change the connection.
const FUNCTIONS_DENIED: [&str; 3] = ["load_extension", "fts3_tokenizer", "fts5"];

/// Decides on one action of a statement that is being prepared.
pub fn authorize(context: &AuthContext<'_>) -> Authorization {
    let allowed = match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => {
            !FUNCTIONS_DENIED.iter().any(|denied| function_name.eq_ignore_ascii_case(denied))
        }
        AuthAction::Pragma { pragma_name, .. } => {
            PRAGMAS_READ.iter().any(|pragma| pragma_name.eq_ignore_ascii_case(pragma))
        }
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}
