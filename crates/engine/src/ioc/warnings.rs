// SPDX-License-Identifier: Apache-2.0
//! The false-positive guard: values that are found on every healthy host. It warns and refuses
//! nothing; whoever keeps such an indicator says so.

use std::net::Ipv4Addr;

use mimir_wire::api::indicator::{IndicatorType as Type, IndicatorWarning, WarningCode as Code};

use super::{domain, value};

/// Digests of no bytes at all: MD5, SHA-1, SHA-256.
const EMPTY_DIGESTS: &[&str] = &[
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
];

/// Addresses of resolvers that anybody may use.
const RESOLVERS: &[&str] = &[
    "1.0.0.1",
    "1.1.1.1",
    "1.1.1.2",
    "1.1.1.3",
    "1.0.0.2",
    "1.0.0.3",
    "4.2.2.1",
    "4.2.2.2",
    "4.2.2.3",
    "4.2.2.4",
    "8.8.4.4",
    "8.8.8.8",
    "8.20.247.20",
    "8.26.56.26",
    "9.9.9.9",
    "9.9.9.10",
    "9.9.9.11",
    "64.6.64.6",
    "64.6.65.6",
    "76.76.2.0",
    "76.76.10.0",
    "76.76.19.19",
    "77.88.8.1",
    "77.88.8.8",
    "84.200.69.80",
    "84.200.70.40",
    "94.140.14.14",
    "94.140.15.15",
    "114.114.114.114",
    "119.29.29.29",
    "149.112.112.112",
    "180.76.76.76",
    "185.228.168.9",
    "185.228.169.9",
    "195.46.39.39",
    "208.67.220.220",
    "208.67.222.222",
    "223.5.5.5",
    "223.6.6.6",
];

/// Names that every fleet talks to.
const POPULAR: &[&str] = &[
    "adobe.com",
    "akamai.net",
    "akamaiedge.net",
    "amazon.com",
    "amazonaws.com",
    "apple.com",
    "azure.com",
    "azureedge.net",
    "baidu.com",
    "bing.com",
    "cloudflare.com",
    "cloudfront.net",
    "digicert.com",
    "dropbox.com",
    "facebook.com",
    "fastly.net",
    "github.com",
    "githubusercontent.com",
    "gitlab.com",
    "gmail.com",
    "google-analytics.com",
    "google.com",
    "googleapis.com",
    "googleusercontent.com",
    "gstatic.com",
    "icloud.com",
    "instagram.com",
    "letsencrypt.org",
    "lencr.org",
    "linkedin.com",
    "live.com",
    "microsoft.com",
    "microsoftonline.com",
    "mozilla.org",
    "msftconnecttest.com",
    "msn.com",
    "netflix.com",
    "npmjs.org",
    "office.com",
    "office365.com",
    "outlook.com",
    "paypal.com",
    "pypi.org",
    "reddit.com",
    "salesforce.com",
    "sharepoint.com",
    "skype.com",
    "slack.com",
    "stackoverflow.com",
    "telegram.org",
    "twitter.com",
    "ubuntu.com",
    "verisign.com",
    "whatsapp.com",
    "wikipedia.org",
    "windows.com",
    "windows.net",
    "windowsupdate.com",
    "x.com",
    "yahoo.com",
    "yandex.ru",
    "youtube.com",
    "zoom.us",
];

/// Programs that come with an operating system, in lower case.
const SYSTEM_BINARIES: &[&str] = &[
    "bash",
    "cat",
    "cmd.exe",
    "conhost.exe",
    "cron",
    "csrss.exe",
    "curl",
    "curl.exe",
    "dash",
    "dllhost.exe",
    "dwm.exe",
    "explorer.exe",
    "finder",
    "init",
    "kernel32.dll",
    "kernel_task",
    "launchd",
    "ls",
    "lsass.exe",
    "mshta.exe",
    "msiexec.exe",
    "net.exe",
    "netsh.exe",
    "notepad.exe",
    "ntdll.dll",
    "ntoskrnl.exe",
    "osqueryd",
    "osqueryd.exe",
    "osascript",
    "perl",
    "powershell.exe",
    "pwsh.exe",
    "python",
    "python3",
    "reg.exe",
    "regsvr32.exe",
    "rundll32.exe",
    "schtasks.exe",
    "services.exe",
    "sh",
    "smss.exe",
    "spoolsv.exe",
    "ssh",
    "sshd",
    "sudo",
    "svchost.exe",
    "systemd",
    "taskhostw.exe",
    "taskmgr.exe",
    "wget",
    "winlogon.exe",
    "wininit.exe",
    "wmiprvse.exe",
    "wscript.exe",
    "cscript.exe",
    "certutil.exe",
    "zsh",
];

/// Folders of the operating systems' own programs, in lower case.
const SYSTEM_FOLDERS: &[&str] = &[
    "/bin/",
    "/sbin/",
    "/usr/bin/",
    "/usr/sbin/",
    "/usr/libexec/",
    "/lib/systemd/",
    "/usr/lib/systemd/",
    "/system/",
    r"c:\windows\system32\",
    r"c:\windows\syswow64\",
    r"c:\windows\",
    r"%windir%\system32\",
    r"%systemroot%\system32\",
    r"%windir%\",
    r"%systemroot%\",
];

/// What speaks against looking for a normalised value.
pub(super) fn of(kind: Type, value: &str) -> Vec<IndicatorWarning> {
    let found = match kind {
        Type::FileHashSha256 | Type::FileHashSha1 | Type::FileHashMd5 => of_digest(value),
        Type::Ipv4 => value::strict_ipv4(value).ok().and_then(of_address),
        Type::Domain => of_domain(value),
        Type::Filename => of_name(value),
        Type::Filepath => of_path(value),
        Type::RegistryKey => of_key(value),
        Type::Url => None,
    };
    let warn = |(code, message): (Code, &str)| IndicatorWarning { code, message: message.into() };
    found.map(warn).into_iter().collect()
}

fn of_digest(value: &str) -> Option<(Code, &'static str)> {
    let is_empty = EMPTY_DIGESTS.contains(&value);
    is_empty
        .then_some((Code::EmptyFile, "This is the digest of the empty file; every host has some."))
}

fn of_address(address: Ipv4Addr) -> Option<(Code, &'static str)> {
    let octets = address.octets();
    let is_shared = octets[0] == 100 && (64..128).contains(&octets[1]);
    if address.is_private() || is_shared {
        Some((
            Code::PrivateAddress,
            "This address is private: each network has its own host there.",
        ))
    } else if address.is_documentation() {
        Some((Code::Documentation, "This address is kept for documentation; nothing real has it."))
    } else if address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || octets[0] == 0
        || octets[0] >= 240
    {
        Some((Code::SpecialAddress, "This address has a special meaning on every host."))
    } else if RESOLVERS.contains(&address.to_string().as_str()) {
        Some((Code::PublicResolver, "This is a public resolver; many hosts talk to it all day."))
    } else {
        None
    }
}

fn of_domain(value: &str) -> Option<(Code, &'static str)> {
    let is_below = |parent: &str| {
        value.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    let examples = ["example.com", "example.net", "example.org", "example", "test", "invalid"];
    if domain::is_suffix(value) {
        Some((Code::PublicSuffix, "Anybody can register names below this one."))
    } else if examples.into_iter().any(is_below) {
        Some((Code::Documentation, "This name is kept for documentation and tests."))
    } else if POPULAR.contains(&value.strip_prefix("www.").unwrap_or(value)) {
        Some((Code::PopularDomain, "This is a name that nearly every host talks to."))
    } else {
        None
    }
}

fn of_name(value: &str) -> Option<(Code, &'static str)> {
    if SYSTEM_BINARIES.contains(&value.to_ascii_lowercase().as_str()) {
        Some((Code::SystemBinary, "A program of the operating system has this name."))
    } else if value.chars().count() < 2 {
        Some((Code::TooGeneral, "A name of one character is found on many hosts."))
    } else {
        None
    }
}

fn of_path(value: &str) -> Option<(Code, &'static str)> {
    let lower = value.to_ascii_lowercase();
    let (folder, name) = lower.split_at(lower.rfind(['/', '\\']).map_or(0, |at| at + 1));
    let is_system = SYSTEM_FOLDERS.contains(&folder) && SYSTEM_BINARIES.contains(&name);
    if is_system {
        Some((Code::SystemBinary, "A program of the operating system has this path."))
    } else if name.is_empty() {
        Some((Code::TooGeneral, "Every host has this directory."))
    } else {
        None
    }
}

fn of_key(value: &str) -> Option<(Code, &'static str)> {
    let is_general = value.matches('\\').count() < 2;
    is_general.then_some((Code::TooGeneral, "Every Windows host has this key."))
}
