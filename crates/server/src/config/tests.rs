// SPDX-License-Identifier: Apache-2.0
//! The configuration from the outside: sources in, values or sentences out.

use super::*;

/// Sources, and the directory their file lives in.
struct Given {
    sources: Sources,
    _dir: tempfile::TempDir,
}

impl std::ops::Deref for Given {
    type Target = Sources;

    fn deref(&self) -> &Sources {
        &self.sources
    }
}

fn sources(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Given {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mimir.toml");
    std::fs::write(&path, file).unwrap();
    let sources = Sources {
        file: (!file.is_empty()).then_some(path),
        environment: environment.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect(),
        flags: flags.iter().map(|(n, v)| (*n, (*v).into())).collect(),
    };
    Given { sources, _dir: dir }
}

fn load(flags: &[(&'static str, &str)]) -> Result<Config, ConfigError> {
    Config::load(&sources("", &[], flags))
}

fn problems(flags: &[(&'static str, &str)]) -> Vec<String> {
    load(flags).unwrap_err().problems
}

fn shown<'c>(config: &'c Config, key: &str) -> &'c Shown {
    config.shown.iter().find(|shown| shown.key == key).unwrap()
}

#[test]
fn the_defaults_are_a_server() {
    let config = load(&[]).unwrap();
    assert_eq!(config.listen.to_string(), "0.0.0.0:8443");
    assert_eq!(config.database, DatabaseUrl::Sqlite("mimir-data/mimir.db".into()));
    assert_eq!(config.connections_per_address, limits::CONNECTIONS_PER_ADDRESS_MAX);
    assert!(!config.insecure_http && !config.metrics_public && !config.behind_proxy);
    assert_eq!(config.log_format, LogFormat::Text);
    assert_eq!(config.shown.len(), KEYS.len());
    assert!(config.shown.iter().all(|shown| shown.origin == Origin::Default));
    assert_eq!(shown(&config, "database").value, "sqlite:mimir-data/mimir.db");
    assert_eq!(shown(&config, "tls_cert").value, "(not set)");
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "data_dir = \"/f\"\nlisten = \"127.0.0.1:1\"\nlog_filter = \"warn\"\n";
    let environment = [("MIMIR_LISTEN", "127.0.0.1:2"), ("MIMIR_DATA_DIR", "/e"), ("HOME", "/")];
    let sources = sources(file, &environment, &[("listen", "127.0.0.1:3")]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.data_dir, PathBuf::from("/e"));
    assert_eq!(config.log_filter, "warn");
    let origin = |key| shown(&config, key).origin.to_string();
    assert_eq!(origin("listen"), "--listen");
    assert_eq!(origin("data_dir"), "MIMIR_DATA_DIR");
    assert_eq!(origin("log_format"), "default");
    assert!(origin("log_filter").ends_with("mimir.toml line 3"));
}

#[test]
fn the_file_may_be_named_by_the_environment() {
    let file = sources("listen = \"127.0.0.1:7\"", &[], &[]);
    let path = file.file.clone().unwrap();
    let named = sources("", &[("MIMIR_CONFIG", path.to_str().unwrap())], &[]);
    assert_eq!(Config::load(&named).unwrap().listen.port(), 7);
    let missing = sources("", &[("MIMIR_CONFIG", "/no/such/file")], &[]);
    let error = Config::load(&missing).unwrap_err().to_string();
    assert!(error.contains("/no/such/file cannot be read"), "{error}");
}

#[test]
fn the_database_password_is_never_shown() {
    let url = "postgres://mimir:hunter2@db/mimir";
    let file = sources(&format!("{url}\n"), &[], &[]);
    let path = file.file.clone().unwrap();
    for flag in [("database", url), ("database_file", path.to_str().unwrap())] {
        let config = load(&[flag]).unwrap();
        assert_eq!(config.database, DatabaseUrl::Postgres(url.to_owned()));
        assert!(!format!("{config:?}").contains("hunter2"));
        assert!(shown(&config, "database").value.contains("mimir:***@db"));
        assert_ne!(shown(&config, "database").origin, Origin::Default);
    }
    let wrong = problems(&[("database", "mysql://mimir:hunter2@db/mimir")]);
    assert!(wrong[0].contains("postgres://") && !wrong[0].contains("hunter2"), "{wrong:?}");
    let both = problems(&[("database", url), ("database_file", "/x")]);
    assert_eq!(both, ["database and database_file are both set; give one of them."]);
}

#[test]
fn plain_http_needs_loopback_or_a_proxy() {
    let open = problems(&[("insecure_http", "true")]);
    assert!(open[0].contains("insecure_http is for loopback only, but listen is 0.0.0.0:8443"));
    assert!(load(&[("insecure_http", "true"), ("behind_proxy", "true")]).is_ok());
    let local = [("insecure_http", "true"), ("listen", "127.0.0.1:8080")];
    assert!(load(&local).is_ok());
    let leaky = [local[0], local[1], ("console_listen", "192.0.2.1:8080")];
    assert!(problems(&leaky)[0].contains("console_listen is 192.0.2.1:8080"));
    let mixed = [local[0], local[1], ("tls_cert", "a"), ("tls_key", "b")];
    assert!(problems(&mixed)[0].contains("insecure_http serves no TLS"));
}

#[test]
fn every_mistake_is_a_sentence_with_its_origin() {
    let cases: &[(&[(&'static str, &str)], &str)] = &[
        (&[("listen", "8443")], "listen is `8443` (--listen); write an address and port"),
        (&[("console_listen", "x")], "console_listen is `x`"),
        (&[("tls_cert", "a.pem")], "tls_cert and tls_key belong together"),
        (
            &[("insecure_http", "maybe")],
            "insecure_http is `maybe` (--insecure-http); write true or",
        ),
        (&[("log_format", "xml")], "write text or json."),
        (&[("log_filter", "info,x=loud")], "log_filter `info,x=loud` is no filter"),
        (&[("connections_per_address", "0")], "write a whole number from 1 to 65536."),
        (&[("tls_names", "ok.example,no/name")], "tls_names has `no/name`"),
        (
            &[("behind_proxy", "1"), ("trusted_proxies", "10.0.0.0/8,10.0.0.1/8")],
            "trusted_proxies has `10.0.0.1/8`",
        ),
        (&[("trusted_proxies", "10.0.0.0/8")], "behind_proxy is not"),
        (&[("console_listen", "0.0.0.0:8443")], "console_listen and listen are both"),
        (&[("public_url", "mimir.example")], "public_url `mimir.example` is no address"),
        (&[("public_url", "https://m.example/x")], "without path"),
        (&[("public_url", "https://u:p@m.example")], "or login"),
        (&[("public_url", "http://m.example")], "must begin with https://"),
    ];
    for (flags, wanted) in cases {
        let problems = problems(flags);
        assert!(problems.len() == 1 && problems[0].contains(wanted), "{problems:?}");
    }
    let list = Config::load(&sources("listen = [\"a\"]", &[], &[])).unwrap_err();
    assert!(list.to_string().contains("mimir.toml line 1); write one value and no list"), "{list}");
    let several = problems(&[("listen", "x"), ("log_format", "y"), ("tls_cert", "z")]);
    assert!(several.len() >= 2, "{several:?}");
    let unknown = Config::load(&sources("databse = \"x\"", &[], &[])).unwrap_err().to_string();
    assert!(unknown.contains("mimir.toml line 1: there is no key `databse`; did you mean"));
}

#[test]
fn variables_that_look_misspelt_are_pointed_out() {
    let environment = [("MIMIR_LISTN", "x"), ("MIMIR_SERVER", "y"), ("MIMIR_DATABASE", "")];
    let config = Config::load(&sources("", &environment, &[])).unwrap();
    assert_eq!(
        config.warnings,
        ["The variable MIMIR_LISTN is ignored; did you mean MIMIR_LISTEN?"]
    );
    assert_eq!(shown(&config, "database").origin, Origin::Default);
}

#[test]
fn clients_are_told_a_name_the_certificate_covers() {
    let url = |flags: &[(&'static str, &str)]| {
        let config = load(flags).unwrap();
        let url = config.public_url_or_default(Some("box"));
        let host = host_of(&url).unwrap();
        let names = config.certificate_names(Some("box"));
        let local = ["127.0.0.1", "::1"].contains(&host.as_str());
        assert!(names.contains(&host) || local, "{host} is not among {names:?}");
        url
    };
    assert_eq!(url(&[]), "https://box:8443");
    assert_eq!(url(&[("tls_names", "m.example, 192.0.2.5")]), "https://m.example:8443");
    assert_eq!(url(&[("public_url", "https://m.example/")]), "https://m.example");
    assert_eq!(url(&[("listen", "[2001:db8::1]:9")]), "https://[2001:db8::1]:9");
    assert_eq!(url(&[("listen", "127.0.0.1:9"), ("insecure_http", "1")]), "http://127.0.0.1:9");
    let names = load(&[("tls_names", "a,a"), ("public_url", "https://a:1")]).unwrap();
    assert_eq!(names.certificate_names(None), ["a"]);
}

#[test]
fn keys_have_one_name_in_three_spellings() {
    for key in KEYS {
        assert_eq!(Key::named(key.name), Some(key));
        assert!(key.help.ends_with('.'), "{}", key.name);
    }
    let key = Key::named("tls_cert").unwrap();
    assert_eq!((key.variable(), key.flag()), ("MIMIR_TLS_CERT".into(), "--tls-cert".into()));
}
