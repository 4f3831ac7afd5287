// SPDX-License-Identifier: Apache-2.0
//! Checks of the machine: files and their permissions, certificate, space, limits, listener.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use mimir_server::config::Config;
use mimir_server::tls;
use mimir_store::db::DatabaseUrl;
use mimir_wire::Timestamp;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;

use super::Finding;
use crate::output::grouped;

/// Permission bits of everybody but the owner.
const OTHERS: u32 = 0o077;
/// Those of them that let others write.
const OTHERS_WRITE: u32 = 0o022;
/// Free space below which SQLite may fail at its next checkpoint, in bytes.
const DISK_WRONG: u64 = 256 << 20;
/// Free space below which it is time to look, in bytes.
const DISK_WARNING: u64 = 2 << 30;
/// Open files below which a fleet of ordinary size does not fit.
const OPEN_FILES_WARNING: u64 = 4_096;
/// How long a listener on this machine may take to accept.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// The data directory and the files in it that nobody else may read.
pub(super) fn data_dir(dir: &Path) -> Vec<Finding> {
    const CHECK: &str = "data directory";
    let shown = dir.display();
    let mode = match std::fs::metadata(dir) {
        Ok(found) if found.is_dir() => found.permissions().mode(),
        Ok(_) => return vec![Finding::wrong(CHECK, format!("{shown} is a file"), "remove it")],
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return vec![Finding::wrong(
                CHECK,
                format!("there is none at {shown}"),
                "give the server's --data-dir, or start the server, which makes it",
            )];
        }
        Err(error) => {
            let advice = "run this as the user that runs the server";
            return vec![Finding::wrong(CHECK, format!("{shown}: {error}"), advice)];
        }
    };
    let advice = format!("chmod 700 {shown}");
    let mut findings = vec![match mode & OTHERS {
        0 => Finding::good(CHECK, format!("{shown}, for its owner alone")),
        bits if bits & OTHERS_WRITE != 0 => {
            Finding::wrong(CHECK, format!("others can write in {shown}"), advice)
        }
        _ => Finding::warning(CHECK, format!("others can look into {shown}"), advice),
    }];
    let open: Vec<String> = private_files(dir);
    if !open.is_empty() {
        let advice = format!("chmod 600 {}", open.join(" "));
        let finding = format!("others can read {}", open.join(", "));
        findings.push(Finding::wrong("private files", finding, advice));
    }
    findings
}

/// The keys and databases that others may read.
fn private_files(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut open: Vec<String> = entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            [".key", ".db", ".db-wal", ".db-shm"].iter().any(|end| name.ends_with(end))
        })
        .filter(|entry| entry.metadata().is_ok_and(|file| file.permissions().mode() & OTHERS != 0))
        .map(|entry| entry.path().display().to_string())
        .collect();
    open.sort();
    open
}

/// The server's certificate, and the authority's when the server made it.
pub(super) fn certificate(config: &Config, now: Timestamp) -> Vec<Finding> {
    const CHECK: &str = "certificate";
    if config.insecure_http {
        return vec![Finding::good(CHECK, "not used: the server is told to speak plain HTTP")];
    }
    let own = config.data_dir.join(tls::CERT_FILE);
    let path = config.tls_cert.as_deref().unwrap_or(&own);
    if config.tls_cert.is_none() && !path.exists() {
        return vec![Finding::warning(
            CHECK,
            "there is none yet",
            "start the server: it makes one",
        )];
    }
    let mut findings = vec![validity(CHECK, path, now)];
    if let Ok(info) = tls::inspect(path) {
        let names = config.certificate_names(tls::machine_hostname().as_deref());
        let missing = info.names_not_covered(&names);
        if !missing.is_empty() {
            let advice = match config.tls_cert {
                Some(_) => "get a certificate that covers the names that agents use".to_owned(),
                None => format!(
                    "if agents use one of them: remove {} and server.key beside it, then restart",
                    path.display()
                ),
            };
            let finding = format!("does not cover {}", missing.join(", "));
            findings.push(Finding::warning("certificate's names", finding, advice));
        }
    }
    let ca = config.data_dir.join(tls::CA_FILE);
    if config.tls_cert.is_none() && ca.exists() {
        findings.push(validity("CA certificate", &ca, now));
    }
    findings
}

fn validity(check: &'static str, path: &Path, now: Timestamp) -> Finding {
    let info = match tls::inspect(path) {
        Ok(info) => info,
        Err(error) => {
            return Finding::wrong(check, error.to_string(), "restore it from a backup");
        }
    };
    let days = info.days_left(now);
    match info.warning(now) {
        None => Finding::good(check, format!("{} days left", grouped(days.unsigned_abs()))),
        Some(text) if now < info.not_before || now > info.not_after => {
            Finding::wrong(check, text, format!("the file is {}", path.display()))
        }
        Some(text) => Finding::warning(check, text, format!("the file is {}", path.display())),
    }
}

/// Free space where the embedded database grows.
pub(super) fn disk(config: &Config) -> Finding {
    const CHECK: &str = "disk";
    let path = match &config.database {
        DatabaseUrl::Sqlite(path) => path.parent().unwrap_or(&config.data_dir),
        _ => &config.data_dir,
    };
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let free = match statvfs(path) {
        Ok(stat) => stat.blocks_available().saturating_mul(stat.fragment_size()),
        Err(error) => {
            let finding = format!("cannot look at {}: {error}", path.display());
            return Finding::warning(CHECK, finding, "check the path");
        }
    };
    let finding = format!("{} MiB free at {}", grouped(free >> 20), path.display());
    match free {
        free if free < DISK_WRONG => Finding::wrong(CHECK, finding, "free space now"),
        free if free < DISK_WARNING => Finding::warning(CHECK, finding, "free space soon"),
        _ => Finding::good(CHECK, finding),
    }
}

/// How many files a server started from here may open: each connection is one.
pub(super) fn open_files() -> Finding {
    const CHECK: &str = "open files";
    let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return Finding::warning(CHECK, "the limit is unknown", "look at `ulimit -Hn`");
    };
    if hard < OPEN_FILES_WARNING {
        let finding = format!("a server started here has room for {} at most", grouped(hard));
        return Finding::warning(CHECK, finding, "raise the hard limit (LimitNOFILE=, ulimit -Hn)");
    }
    Finding::good(CHECK, format!("up to {} in a server started here", grouped(hard)))
}

/// Whether something listens where the server would.
pub(super) fn listener(config: &Config) -> Finding {
    let mut address = config.listen;
    if address.ip().is_unspecified() {
        address = match address {
            SocketAddr::V4(_) => (Ipv4Addr::LOCALHOST, address.port()).into(),
            SocketAddr::V6(_) => (Ipv6Addr::LOCALHOST, address.port()).into(),
        };
    }
    let finding = match TcpStream::connect_timeout(&address, CONNECT_MAX) {
        Ok(_) => format!("something listens on {}", config.listen),
        Err(_) => format!("nothing listens on {}: the server does not run", config.listen),
    };
    Finding::good("listener", finding)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::super::Verdict;
    use super::*;

    fn verdicts(dir: &Path) -> Vec<Verdict> {
        data_dir(dir).into_iter().map(|finding| finding.verdict).collect()
    }

    #[test]
    fn permissions_are_judged() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("data");
        assert_eq!(verdicts(&dir), [Verdict::Wrong], "there is none");
        fs::create_dir(&dir).unwrap();
        let chmod = |path: &Path, mode| {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        };
        for (mode, verdict) in [
            (0o700, Verdict::Good),
            (0o755, Verdict::Warning),
            (0o770, Verdict::Wrong),
            (0o702, Verdict::Wrong),
        ] {
            chmod(&dir, mode);
            assert_eq!(verdicts(&dir), [verdict], "{mode:o}");
        }
        chmod(&dir, 0o700);
        let key = dir.join("server.key");
        fs::write(&key, "").unwrap();
        chmod(&key, 0o640);
        assert_eq!(verdicts(&dir), [Verdict::Good, Verdict::Wrong]);
        chmod(&key, 0o600);
        assert_eq!(verdicts(&dir), [Verdict::Good]);
    }
}
