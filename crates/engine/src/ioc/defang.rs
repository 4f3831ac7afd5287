// SPDX-License-Identifier: Apache-2.0
//! Makes a value safe to show and to pass on: nobody can click on it, no program makes a link of
//! it. Reading it again gives the same value.

use mimir_wire::api::indicator::IndicatorType;

use super::url;

/// The value as it may be shown. Names of files, paths, keys and digests are harmless as they
/// are.
pub fn defang(kind: IndicatorType, value: &str) -> String {
    match kind {
        IndicatorType::Ipv4 | IndicatorType::Domain => value.replace('.', "[.]"),
        IndicatorType::Url => defang_url(value),
        _ => value.to_owned(),
    }
}

fn defang_url(value: &str) -> String {
    let Some(found) = url::split(value) else { return value.replace('.', "[.]") };
    let Some((scheme, after)) = value.split_once("://") else { return value.to_owned() };
    let scheme = match scheme {
        "http" => "hxxp",
        "https" => "hxxps",
        "ftp" => "fxp",
        other => other,
    };
    let Some((before, rest)) = after.split_once(found.host).filter(|_| !found.host.is_empty())
    else {
        return format!("{scheme}[://]{after}");
    };
    let host = found.host.replace('.', "[.]").replace(':', "[:]");
    format!("{scheme}[://]{before}{host}{rest}")
}
