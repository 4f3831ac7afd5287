// SPDX-License-Identifier: Apache-2.0
//! Ids of offers: what a query is called in a `distributed/read` answer.
//!
//! An id says what it is for and carries a MAC over that and the host, keyed by the
//! installation's secret. So it is the same on every offer and every replica, cannot be guessed,
//! and is worth nothing to another host (I4), without anything being stored. Agents run queries in
//! byte order of their names: the first character is the priority.

use hmac::{Hmac, KeyInit, Mac};
use mimir_engine::campaign::offers::Work;
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Bytes of the MAC that an id carries.
const MAC_BYTES: usize = 16;

/// Makes and checks ids.
#[derive(Clone)]
pub struct OfferIds {
    secret: Vec<u8>,
}

/// What an id is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Tells which machine speaks: the first query of every offer.
    Beacon,
    /// Work.
    Work(Work),
}

impl OfferIds {
    /// With the installation's secret.
    pub fn new(secret: Vec<u8>) -> Self {
        Self { secret }
    }

    /// The id of `purpose` for the host numbered `host_no`.
    pub fn make(&self, purpose: Purpose, host_no: i64) -> String {
        let subject = subject(purpose);
        let mac = hex::encode(&self.mac(&subject, host_no)[..MAC_BYTES]);
        format!("{subject}.{mac}")
    }

    /// What an id is for, if this host was given it.
    pub fn check(&self, id: &str, host_no: i64) -> Option<Purpose> {
        let (subject, mac) = id.rsplit_once('.')?;
        let purpose = parse(subject)?;
        let expected = hex::encode(&self.mac(subject, host_no)[..MAC_BYTES]);
        bool::from(expected.as_bytes().ct_eq(mac.as_bytes())).then_some(purpose)
    }

    fn mac(&self, subject: &str, host_no: i64) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.secret).expect("a MAC takes keys of any length");
        mac.update(subject.as_bytes());
        mac.update(b"|");
        mac.update(&host_no.to_be_bytes());
        mac.finalize().into_bytes().into()
    }
}

fn subject(purpose: Purpose) -> String {
    match purpose {
        Purpose::Beacon => "0b".to_owned(),
        Purpose::Work(Work::Live(no)) => format!("1l.{no}"),
        Purpose::Work(Work::Part { campaign, part }) => format!("5c.{campaign}.{part}"),
    }
}

fn parse(subject: &str) -> Option<Purpose> {
    let mut fields = subject.split('.');
    let purpose = match fields.next()? {
        "0b" => Purpose::Beacon,
        "1l" => Purpose::Work(Work::Live(fields.next()?.parse().ok()?)),
        "5c" => Purpose::Work(Work::Part {
            campaign: fields.next()?.parse().ok()?,
            part: fields.next()?.parse().ok()?,
        }),
        _ => return None,
    };
    fields.next().is_none().then_some(purpose)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_stable_and_bound_to_its_host() {
        let ids = OfferIds::new(vec![7; 32]);
        for purpose in [
            Purpose::Beacon,
            Purpose::Work(Work::Live(9)),
            Purpose::Work(Work::Part { campaign: 3, part: 1 }),
        ] {
            let id = ids.make(purpose, 42);
            assert_eq!(id, ids.make(purpose, 42));
            assert_eq!(ids.check(&id, 42), Some(purpose));
            assert_eq!(ids.check(&id, 43), None);
            assert_eq!(OfferIds::new(vec![8; 32]).check(&id, 42), None);
        }
        let part = Work::Part { campaign: 3, part: 1 };
        let id = ids.make(Purpose::Work(part), 42);
        assert_eq!(ids.check(&id.replace("5c.3.1", "5c.3.2"), 42), None);
        for bad in ["", ".", "5c.3.1", "5c.3.1.", "5c.x.1.00", "0b.x", "9z.1"] {
            assert_eq!(ids.check(bad, 42), None, "{bad}");
        }
    }
}
