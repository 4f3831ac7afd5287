// SPDX-License-Identifier: Apache-2.0
//! Randomness from one seed: each host and purpose draws from a stream of its own, so that
//! adding a host or a draw somewhere changes nothing elsewhere.

use rand::SeedableRng as _;
use rand::rngs::Xoshiro256PlusPlus;

/// The generator of `host` for `purpose` under `seed`. The algorithm is named, not "the
/// default", so that a seed keeps its meaning when the library changes its default.
pub fn rng(seed: u64, host: u64, purpose: &str) -> Xoshiro256PlusPlus {
    let mut state = mix(seed ^ mix(host.wrapping_add(0x9E37_79B9_7F4A_7C15)));
    for byte in purpose.bytes() {
        state = mix(state ^ u64::from(byte));
    }
    Xoshiro256PlusPlus::seed_from_u64(state)
}

/// Spreads the bits of `x` (the finaliser of splitmix64).
fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use rand::RngExt as _;

    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let draw = |seed, host, purpose| rng(seed, host, purpose).random::<u64>();
        assert_eq!(draw(7, 1, "uuid"), draw(7, 1, "uuid"));
        let others = [draw(7, 1, "uuid"), draw(8, 1, "uuid"), draw(7, 2, "uuid"), draw(7, 1, "sn")];
        for (i, a) in others.iter().enumerate() {
            assert!(others[i + 1..].iter().all(|b| a != b));
        }
    }
}
