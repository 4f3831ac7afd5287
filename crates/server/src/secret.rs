// SPDX-License-Identifier: Apache-2.0
//! Secrets: how they are made, what of them is kept, and the ids that only the server can make.

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::clock::random;

/// A new token of 256 random bits behind a prefix that tells kinds apart.
pub fn new_token(prefix: &str) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random::<32>()))
}

/// What is stored of a token. A plain hash is enough: tokens are random, not guessable.
pub fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// A readable one-time password of about 100 bits.
pub fn one_time_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789-";
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 31)]);
    let text: String = random::<20>().iter().map(letter).collect();
    format!("{}-{}-{}-{}", &text[..5], &text[5..10], &text[10..15], &text[15..])
}

/// argon2id with 19 MiB and two passes (the first choice of OWASP's password page).
fn argon2() -> Argon2<'static> {
    let params = Params::new(19 * 1024, 2, 1, None).expect("constant parameters are valid");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Hash of a password, in PHC form. Takes tens of milliseconds: not for an async thread.
pub fn password_hash(password: &str) -> String {
    argon2()
        .hash_password(password.as_bytes())
        .expect("hashing with constant parameters does not fail")
        .to_string()
}

/// Whether a password fits a hash. As slow as hashing.
pub fn password_fits(password: &str, hash: &str) -> bool {
    let parsed = argon2::password_hash::phc::PasswordHash::new(hash);
    parsed.is_ok_and(|parsed| argon2().verify_password(password.as_bytes(), &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_fit_their_own_hash_only() {
        let hash = password_hash("correct horse battery");
        assert!(hash.starts_with("$argon2id$"));
        assert!(password_fits("correct horse battery", &hash));
        assert!(!password_fits("correct horse batterx", &hash));
        assert!(!password_fits("x", "no hash"));
    }

    #[test]
    fn one_time_passwords_are_long_enough() {
        let password = one_time_password();
        assert_eq!(password.len(), 23);
        assert_ne!(password, one_time_password());
    }
}
