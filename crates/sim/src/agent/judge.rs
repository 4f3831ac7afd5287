// SPDX-License-Identifier: Apache-2.0
//! How osquery judges answers: by the body alone, never by the status
//! (`TLSRequestHelper::go` in `osquery/remote/utility.h`).

use serde_json::Value;

/// What the agent makes of an answer.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    /// Success, with this object.
    Accepted(Value),
    /// Failure, and the node key is to be forgotten.
    NodeInvalid,
    /// Failure, for this reason.
    Refused(String),
}

/// Judges the answer to anything but an enrolment.
pub(super) fn judge(body: &[u8]) -> Verdict {
    let object = match parse(body) {
        Ok(object) => object,
        Err(why) => return Verdict::Refused(why),
    };
    if object.get("node_invalid") == Some(&Value::Bool(true)) {
        return Verdict::NodeInvalid;
    }
    match object.get("error") {
        None => Verdict::Accepted(object),
        Some(Value::String(why)) => Verdict::Refused(format!("the server says: {why}")),
        Some(_) => Verdict::Refused("the answer has an `error` member".to_owned()),
    }
}

/// Judges the answer to an enrolment: the key, or why there is none.
pub(super) fn judge_enrolment(body: &[u8]) -> Result<String, String> {
    let object = parse(body)?;
    let key = object.get("node_key").or_else(|| object.get("id")).and_then(Value::as_str);
    match key {
        Some(key) if !key.is_empty() => Ok(key.to_owned()),
        _ => Err("the answer to the enrolment holds no node key".to_owned()),
    }
}

/// The answer as an object; an empty body is an empty object.
fn parse(body: &[u8]) -> Result<Value, String> {
    if body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        // A release build of osquery runs into undefined behaviour here; no server may do that.
        Ok(_) => Err("the answer is JSON but no object".to_owned()),
        Err(e) => Err(format!("cannot parse JSON: {e}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_body_counts() {
        let accepted = |text: &str| matches!(judge(text.as_bytes()), Verdict::Accepted(_));
        assert!(accepted("") && accepted("{}") && accepted(r#"{"node_invalid": false}"#));
        assert!(accepted(r#"{"node_invalid": "true"}"#));
        for refused in ["<html>", "[]", "null", r#"{"error": null}"#, r#"{"error": ""}"#] {
            assert!(matches!(judge(refused.as_bytes()), Verdict::Refused(_)), "{refused}");
        }
        let both = br#"{"error": "x", "node_invalid": true}"#;
        assert_eq!(judge(both), Verdict::NodeInvalid);
    }

    #[test]
    fn an_enrolment_needs_a_key_only() {
        assert_eq!(judge_enrolment(br#"{"node_key": "K"}"#), Ok("K".to_owned()));
        assert_eq!(judge_enrolment(br#"{"id": "K", "node_invalid": true}"#), Ok("K".to_owned()));
        for refused in ["", "{}", r#"{"node_key": ""}"#, r#"{"node_key": 5}"#, "<html>"] {
            assert!(judge_enrolment(refused.as_bytes()).is_err(), "{refused}");
        }
    }
}
