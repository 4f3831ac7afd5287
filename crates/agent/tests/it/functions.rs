// SPDX-License-Identifier: Apache-2.0
//! osquery's SQL functions and collations: tables of expressions with what osquery gives for
//! them, and properties over random values.

use proptest::prelude::*;

use crate::fixture::{error, rows, runner, value};

/// NULL and the empty text look the same in an answer, so expectations of NULL say so.
const NULL: &str = "<NULL>";

fn check(table: &[(&str, &str)]) {
    for (expression, expected) in table {
        let shown = value(&format!("SELECT coalesce({expression}, '{NULL}')"));
        assert_eq!(&shown, expected, "{expression}");
    }
}

fn check_errors(table: &[(&str, &str)]) {
    for (expression, expected) in table {
        let error = error(&format!("SELECT {expression}"));
        assert!(error.contains(expected), "{expression}: {error}");
    }
}

/// A text as an SQL literal.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[test]
fn mathematics() {
    check(&[
        ("sqrt(9)", "3.0"),
        ("power(2, 10)", "1024.0"),
        ("power('2', '3x')", "8.0"),
        ("log(exp(1))", "1.0"),
        ("log10(1000)", "3.0"),
        ("sin(30)", "-0.988031624092862"),
        ("cos(30)", "0.154251449887584"),
        ("tan(30)", "-6.40533119664628"),
        ("cot(30)", "-0.156119952161659"),
        ("asin(.5)", "0.523598775598299"),
        ("acos(.5)", "1.0471975511966"),
        ("atan(.5)", "0.463647609000806"),
        ("radians(60)", "1.0471975511966"),
        ("degrees(1.3)", "74.484513367007"),
        ("pi()", "3.14159265358979"),
        ("floor(-1.5)", "-2"),
        ("ceil(-1.5)", "-1"),
        ("ceil('2.1 GHz')", "3"),
        ("floor(7)", "7"),
        ("typeof(floor(7.9))", "integer"),
        ("floor(9223372036854775807)", "9223372036854775807"),
        ("sqrt('x')", "0.0"),
        ("exp(1000)", "Inf"),
        ("sqrt(NULL)", NULL),
        ("floor(NULL)", NULL),
        ("power(NULL, 1)", NULL),
        ("power(1, NULL)", NULL),
    ]);
    check_errors(&[
        ("sqrt(-1)", "Numerical argument out of domain"),
        ("asin(2)", "Numerical argument out of domain"),
        ("power(-8, 0.5)", "Numerical argument out of domain"),
        ("sin(9e999)", "Numerical argument out of domain"),
        ("log(0)", "Numerical result out of range"),
        ("log10(0)", "Numerical result out of range"),
        ("exp(20000)", "Numerical result out of range"),
        ("power(10, 400)", "Numerical result out of range"),
        ("power(10, -400)", "Numerical result out of range"),
        ("power(0, -1)", "Numerical result out of range"),
        ("sqrt()", "wrong number of arguments"),
    ]);
}

#[test]
fn texts() {
    check(&[
        ("split('/foo/bar', '/', 0)", "foo"),
        ("split('/foo/bar', '/', 1)", "bar"),
        ("split('/foo/bar', '/', 2)", NULL),
        ("split('/foo/bar', '/', -1)", NULL),
        ("split('/foo/bar', '/', '1')", "bar"),
        ("split('/foo/bar', '/', 'x')", "foo"),
        ("split('foo;;bar', ';;', 1)", "bar"),
        ("split('a-b_c', '-_', 2)", "c"),
        ("split('a, b , c', ',', 1)", "b"),
        ("split('a, ,c', ',', 1)", ""),
        ("split(1001, 1, 0)", "00"),
        ("split('', ',', 0)", NULL),
        ("split('gräßlich', 'äß', 1)", "lich"),
        ("split(NULL, ',', 0)", NULL),
        ("split('a', NULL, 0)", NULL),
        ("split('a', ',', NULL)", NULL),
        ("concat()", NULL),
        ("concat('')", ""),
        ("concat('hello', NULL, 'world')", "helloworld"),
        ("concat(1, 2.5, 3, 'go')", "12.53go"),
        ("concat(NULL, NULL)", ""),
        ("concat_ws('')", NULL),
        ("concat_ws(NULL)", NULL),
        ("concat_ws(', ', 'hello', 'world', 1, 2)", "hello, world, 1, 2"),
        ("concat_ws(NULL, 'hello', 'world', 1)", "helloworld1"),
        ("concat_ws(' ', 'hello', NULL, 'world')", "hello world"),
        ("concat_ws('x', 'hello')", "hello"),
        ("concat_ws('x', '', '')", "x"),
        ("concat_ws('-', 'a', NULL)", "a-"),
        ("'x' || concat('a', 'b')", "xab"),
    ]);
    check_errors(&[
        ("split('a', '', 0)", "Invalid input to split function"),
        ("split('a')", "wrong number of arguments"),
        ("concat_ws()", "Missing separator to concat_ws"),
    ]);
}

#[test]
fn regular_expressions_match() {
    check(&[
        ("regex_match('hello world', '(l)(o).*', 0)", "lo world"),
        ("regex_match('hello world', '(l)(o).*', 1)", "l"),
        ("regex_match('hello world', '(l)(o).*', 3)", NULL),
        ("regex_match('hello world', '(l)(o).*', -1)", NULL),
        ("regex_match('hello world', '(\\w+) .*(or|ld)', 2)", "ld"),
        ("regex_match('hello world', 'no match', 0)", NULL),
        ("regex_match('/fs/path/download.extension.zip', '.+/([^./]+)', 1)", "download"),
        ("regex_match('hello world', '', 0)", ""),
        ("regex_match('foo/bar', '|', 0)", ""),
        ("regex_match('ab', '(a)|(b)', 2)", ""),
        ("regex_match(NULL, 'a', 0)", NULL),
        ("regex_match('a', NULL, 0)", NULL),
        ("regex_match('a', 'a', NULL)", NULL),
        ("regex_match(1234, 23, 0)", "23"),
        ("regex_match('a.b', 'a\\.b', 0)", "a.b"),
        ("regex_match('a/b', 'a\\/b', 0)", "a/b"),
        ("regex_match('x[y]', '[[]y', 0)", "[y"),
        ("regex_match('a&&b', '[&]+', 0)", "&&"),
        ("regex_match('a-b', '[\\w-]+', 0)", "a-b"),
        ("regex_match('a-.b', '[\\w-.]+', 0)", "a-.b"),
        ("regex_match('~x~', '[a~~x]+', 0)", "~x~"),
        ("regex_match('A1 b2', '[[:lower:]][[:digit:]]', 0)", "b2"),
        ("regex_match('x]', '[^]]', 0)", "x]"),
        ("regex_match('x', '[]', 0)", NULL),
        ("regex_match('x', '[^]', 0)", "x"),
        ("regex_match('tab' || char(9) || 'x', '\\tx', 0) = char(9) || 'x'", "1"),
        ("regex_match('A', '\\x41\\u0041?', 0)", "A"),
        ("regex_match('né', 'n\\u00e9', 0)", "né"),
        ("regex_match('é', '^..$', 0)", "é"),
        ("regex_match('aaa', 'a{2}', 0)", "aa"),
        ("regex_match('aaa', 'a{1,2}?', 0)", "a"),
        ("regex_match('aaa', 'a+?$', 0)", "aaa"),
        ("regex_match('a' || char(10) || 'b', 'a.b', 0)", NULL),
        ("regex_match('x' || char(10), 'x$', 0)", NULL),
        ("regex_match('abab', '(?:ab)+', 0)", "abab"),
        ("regex_match('a b', '\\bb', 0)", "b"),
        ("regex_match('a}', 'a}', 0)", "a}"),
    ]);
    let long = "a".repeat(257);
    check_errors(&[
        ("regex_match('foo/bar', '(/', 0)", "Invalid regex"),
        ("regex_match('foo/bar', '/)', 0)", "Invalid regex"),
        ("regex_match('foo/bar', '+', 0)", "Invalid regex"),
        ("regex_match('a', 'a**', 0)", "Invalid regex"),
        ("regex_match('a', '^*', 0)", "Invalid regex"),
        ("regex_match('a', '[a', 0)", "Invalid regex"),
        ("regex_match('a', '[z-a]', 0)", "Invalid regex"),
        ("regex_match('a', 'a{2,1}', 0)", "Invalid regex"),
        ("regex_match('a', 'a{,1}', 0)", "Invalid regex"),
        ("regex_match('a', '\\', 0)", "Invalid regex"),
        ("regex_match('a', '\\q', 0)", "Invalid regex"),
        ("regex_match('a', '(?i)a', 0)", "Invalid regex"),
        ("regex_match('a', '[[:nope:]]', 0)", "Invalid regex"),
        ("regex_match('a', 'a(?=b)', 0)", "look-ahead and look-behind are not supported"),
        ("regex_match('a', '(?<!b)a', 0)", "look-ahead and look-behind are not supported"),
        ("regex_match('aa', '(a)\\1', 0)", "back-references are not supported"),
        (&format!("regex_match('a', '{long}', 0)"), "too big, max size is 256 bytes"),
    ]);
    assert_eq!(value(&format!("SELECT regex_match('{long}', '{}', 0)", &long[1..])), long[1..]);
}

#[test]
fn regular_expressions_split() {
    check(&[
        ("regex_split('/foo/bar', '/', 0)", ""),
        ("regex_split('/foo/bar', '/', 2)", "bar"),
        ("regex_split('/foo/bar', '/', 3)", NULL),
        ("regex_split('foo;;bar', ';;', 1)", "bar"),
        ("regex_split('foo;bar//qux', '(;|/)+', 2)", "qux"),
        ("regex_split('/fs/path/download.extension.zip', '(.*/)|(.extension.zip)', 1)", "download"),
        ("regex_split('foo/bar', '|', 0)", ""),
        ("regex_split('a1b', '[0-9]', 1)", "b"),
        ("regex_split('a', 'x', 0)", "a"),
        ("regex_split(NULL, 'x', 0)", NULL),
        ("regex_split('a', NULL, 0)", NULL),
        ("regex_split('a', 'a', NULL)", NULL),
    ]);
    check_errors(&[
        ("regex_split('foo/bar', '', 0)", "Invalid input to split function"),
        ("regex_split('foo/bar', '(/', 0)", "Invalid regex"),
        ("regex_split('foo/bar', '+', 0)", "Invalid regex"),
        (&format!("regex_split('a', '{}', 0)", "|".repeat(1000)), "Invalid regex: too big"),
    ]);
}

#[test]
fn a_pattern_made_for_backtracking_is_harmless() {
    let text = "a".repeat(100_000);
    let sql = format!("SELECT regex_match('{text}!', '^(a+)+$', 0) IS NULL");
    assert_eq!(value(&sql), "1");
    let sql = format!("SELECT length(regex_match('{text}', '(.*)(.*)(.*)(.*)(.*)(.*)(.*)a', 0))");
    assert_eq!(value(&sql), "100000");
}

#[test]
fn a_pattern_from_a_column_is_compiled_for_each_row() {
    let sql = "WITH p (pattern) AS (VALUES ('a+'), ('b+'), ('['), (NULL))
               SELECT regex_match('aabb', pattern, 0) AS m FROM p LIMIT 2";
    let found: Vec<_> = rows(sql).into_iter().map(|mut row| row.remove("m").unwrap()).collect();
    assert_eq!(found, ["aa", "bb"]);
}

#[test]
fn addresses() {
    check(&[
        ("inet_aton('1.0.1.5')", "16777477"),
        ("inet_aton('255.255.255.255')", "4294967295"),
        ("inet_aton('1.2.3')", NULL),
        ("inet_aton('01.2.3.4')", NULL),
        ("inet_aton('::1')", NULL),
        ("inet_aton('')", NULL),
        ("inet_aton(NULL)", NULL),
        ("in_cidr_block('10.0.0.0/26', '10.0.0.24')", "1"),
        ("in_cidr_block('198.51.100.14/24', '198.51.100.14')", "1"),
        ("in_cidr_block('10.0.0.0/24', '10.0.0.0')", "0"),
        ("in_cidr_block('10.0.0.0/24', '10.0.0.255')", "0"),
        ("in_cidr_block('10.0.0.0/24', '10.0.0.254')", "1"),
        ("in_cidr_block('10.0.0.0/24', '10.0.1.1')", "0"),
        ("in_cidr_block('10.0.0.7/32', '10.0.0.7')", "1"),
        ("in_cidr_block('10.0.0.6/31', '10.0.0.6')", "0"),
        ("in_cidr_block('10.0.0.6/31', '10.0.0.7')", "0"),
        ("in_cidr_block('0.0.0.0/0', '8.8.8.8')", "1"),
        ("in_cidr_block('0.0.0.0/0', '255.255.255.255')", "0"),
        (
            "in_cidr_block('2a00:a040:019e:f12a:0000:0000:0000:0000/64',
                           '2a00:a040:19e:f12a:658b:3589:b2ba:71a3')",
            "1",
        ),
        ("in_cidr_block('2001:db8::/48', '2001:db8:0:ffff:ffff:ffff:ffff:ffff')", "1"),
        ("in_cidr_block('2001:db8::/48', '2001:db8::')", "1"),
        ("in_cidr_block('2001:db8::/48', '2001:db8:1::')", "0"),
        ("in_cidr_block('fe80::/10', 'fe80::1%eth0')", "1"),
        ("in_cidr_block('::1/128', '::1')", "1"),
        ("in_cidr_block('::/0', '::1')", "0"),
    ]);
    check_errors(&[
        ("in_cidr_block(NULL, '10.0.0.1')", "CIDR must be a string"),
        ("in_cidr_block(10, '10.0.0.1')", "CIDR must be a string"),
        ("in_cidr_block('10.0.0.0/8', NULL)", "IP address must be a string"),
        ("in_cidr_block('10.0.0.0/8', '')", "IP address cannot be parsed"),
        ("in_cidr_block('10.0.0.0/8', '10.0.0')", "IP address cannot be parsed"),
        ("in_cidr_block('10.0.0.0', '10.0.0.1')", "CIDR for IP address v4 cannot be parsed"),
        ("in_cidr_block('10.0.0.0/33', '10.0.0.1')", "CIDR for IP address v4 cannot be parsed"),
        ("in_cidr_block('10.0.0.0/+8', '10.0.0.1')", "CIDR for IP address v4 cannot be parsed"),
        ("in_cidr_block('::/8', '10.0.0.1')", "CIDR for IP address v4 cannot be parsed"),
        ("in_cidr_block('10.0.0.0/8', '::1')", "CIDR for IP address v6 cannot be parsed"),
        ("in_cidr_block('::/129', '::1')", "CIDR for IP address v6 cannot be parsed"),
    ]);
}

#[test]
fn digests() {
    check(&[
        ("md5('test')", "098f6bcd4621d373cade4e832627b4f6"),
        ("sha1('test')", "a94a8fe5ccb19ba61c4c0873d391e987982fbbd3"),
        ("sha256('test')", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        ("sha256('')", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("md5(1) = md5('1')", "1"),
        ("md5(x'610062') = md5('a')", "1"),
        ("md5(NULL)", NULL),
        (
            "community_id_v1('66.35.250.204', '128.232.110.120', 80, 34855, 6)",
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
        ),
        (
            "community_id_v1_strict('128.232.110.120', '66.35.250.204', 34855, 80, 6, 1)",
            "1:3V71V58M3Ksw/yuFALMcW0LAHvc=",
        ),
        (
            "community_id_v1('127.0.0.1', 'fe80::14b0:de4a:f8e8:522f', 64, 10, 6)",
            "1:Jww+Ua4pSUNl9TvSUwvSHL4n93w=",
        ),
        (
            "community_id_v1('192.168.170.56', '192.168.170.8', 80, 7, 132, 0)",
            "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ=",
        ),
        (
            "community_id_v1('192.168.1.52', '8.8.8.8', 54585, 53, 17, 1)",
            "1:Q9We8WO3piVF8yEQBNJF4uiSVrI=",
        ),
        (
            "community_id_v1('66.35.250.204', '2001:0:3238:DFE1:63::FEFB', 80, 2347, 6, 37)",
            "1:jmJ2ORP31di4mtsQPIKzyoEb3yo=",
        ),
        ("community_id_v1('192.168.1.52', 'foo', 10, 53, 17, 0)", NULL),
        ("community_id_v1('192.168.1.52', '192.168.1.1', '10', 53, 17)", NULL),
        ("community_id_v1(NULL, NULL, NULL, NULL, NULL)", NULL),
    ]);
    check_errors(&[
        ("community_id_v1_strict('1.1.1.1', 'foo', 10, 53, 17)", "daddr cannot be parsed as IP"),
        ("community_id_v1_strict('', '1.1.1.1', 10, 53, 17)", "saddr cannot be parsed as IP"),
        ("community_id_v1_strict('1.1.1.1', 7, 10, 53, 17)", "IPs must be strings"),
        ("community_id_v1_strict('1.1.1.1', '1.1.1.2', 65536, 53, 17)", "ports must fit"),
        ("community_id_v1_strict('1.1.1.1', '1.1.1.2', 1, NULL, 17)", "ports must be integers"),
        ("community_id_v1_strict('1.1.1.1', '1.1.1.2', 1, 2, 256)", "protocol must fit"),
        ("community_id_v1_strict('1.1.1.1', '1.1.1.2', 1, 2, 6, 32768)", "seed must fit"),
        ("community_id_v1_strict('1.1.1.1', '1.1.1.2', 1, 2, 6, 'x')", "seed must be an integer"),
        ("community_id_v1('1.1.1.1', '1.1.1.2', 1, 2)", "wrong number of arguments"),
    ]);
}

#[test]
fn encodings() {
    check(&[
        ("to_base64('test')", "dGVzdA=="),
        ("to_base64('')", ""),
        ("to_base64(x'00ff')", "AP8="),
        ("to_base64(NULL)", NULL),
        ("from_base64('dGVzdA==')", "test"),
        ("from_base64('dGVzdA')", "test"),
        ("from_base64('dGVz' || char(13, 10) || 'dA==')", "test"),
        ("from_base64('dGVzdB')", "test"),
        ("from_base64('dGVzd')", ""),
        ("from_base64('dGV*')", ""),
        ("from_base64('dG Vz')", ""),
        ("from_base64('')", ""),
        ("from_base64('====')", ""),
        ("hex(from_base64('AP8='))", "00FF"),
        ("from_base64(NULL)", NULL),
        ("conditional_to_base64('test')", "test"),
        ("conditional_to_base64('悪因悪果')", "5oKq5Zug5oKq5p6c"),
        ("conditional_to_base64('a' || char(10))", "YQo="),
        ("conditional_to_base64(NULL)", NULL),
    ]);
}

#[test]
fn versions() {
    check(&[
        ("version_compare('1.0', '1.0')", "0"),
        ("version_compare('1:2.0-10', '1:2.0-10', 'DPKG')", "0"),
        ("version_compare('4:1.1.0', '4:1.1.0-3', 'arCH')", "0"),
        ("version_compare('50.4.1b', '50.4.1c')", "-1"),
        ("version_compare('1.0.8-4', '1.0.8-6', 'arch')", "-1"),
        ("version_compare('1.0.0~rc2^2021', '1.0.0', 'RHEL')", "-1"),
        ("version_compare('1.1.0~BETA2^1', '1.1.0~CR1', 'RhEl')", "-1"),
        ("version_compare('1.0.1.1', '1.0.1^2021', 'rhel')", "1"),
        ("version_compare('1.9.9-1ubuntu2.4', '1.9.9-1ubuntu2.3', 'dpkg')", "1"),
        ("version_compare('1:1.2.13-2', '4.2.1', 'ARCH')", "1"),
        ("version_compare('106.32.1', '106:32.1')", "0"),
        ("version_compare('', '1')", "-1"),
        ("version_compare('', '')", "0"),
        ("version_compare('10.0.1', '9.9.9')", "1"),
    ]);
    check_errors(&[
        ("version_compare('1')", "Must provide two version strings to compare."),
        ("version_compare(1, 2)", "Must provide two version strings to compare."),
        ("version_compare('1', NULL)", "Must provide two version strings to compare."),
        ("version_compare('1', '2', 3)", "third parameter is not a string"),
        ("version_compare('1', '2', 'GENTOO')", "(ARCH, DPKG, RHEL)"),
    ]);
}

#[test]
fn versions_have_collations() {
    for (collation, relations) in [
        (
            "version",
            "1.0=1.0 1:0.0=1.0.0 2.50^1a=2.50~1a 1.0<1.1 1.1<1.a 50.4.1b<50.4.1c 1.0.0<1.0.0-2
             1.0.0-2<1:0.0.3 1.12.1<1.13 190.10a>20.10a 20.10a>20.102 57:4>6.87.5
             98.100.21-1b>98.100.21-1a 8.11>8.10.24",
        ),
        (
            "version_arch",
            "1.0=1.0-4 4:2=4:2-1 1.6.1-9<1.6.1-10 20220713-1<20221123-1 2-2pre<2-2rc
             41.1-2<43alpha+r8+g1de47dbc-1 1:42.3.1-1<1:43.2-1 6.0.12.arch1-1>5.18.14.arch1-1
             3:0.164.r3095.baee400-4>3:0.164.r3081.19856cc-2 0.23.90-1>0.23.1-9 1:1.2.13-2>4.2.1",
        ),
        (
            "version_dpkg",
            "1:2.0-10=1:2.0-10 22.07.5-2ubuntu1.3<22.07.5-2ubuntu1.4 12ubuntu4.2<12ubuntu4.3
             2.5.13+dfsg-0ubuntu0.22.04.1<2.5.14+dfsg-0ubuntu0.22.04.2
             3.0.2-0ubuntu1.10>3.0.2-0ubuntu1.8 2:8.2.3995-1ubuntu2.9>2:8.2.3995-1ubuntu2.3",
        ),
        (
            "version_rhel",
            "1.0.0~rc2^2021<1.0.0 1.0.1<1.0.1^2021 1.0.1^2021<1.0.1.security1
             1.0.1<pkg-1.0.1.security1 1.1.0~BETA2<1.1.0~CR1 1.1.0.2021.SP1<1.1.0.2021.SP1_CP1
             9.11.4-26.P2.el7_9.10<32:9.11.4-26.P2.el7_9.13 1.0.0>1.0.0~rc2
             1.1.0~BETA>1.0.1.security1 1.0.0~rc2^20210101gf00fabd>1.0.0~rc2",
        ),
    ] {
        for relation in relations.split_whitespace() {
            let at = relation.find(['<', '>', '=']).unwrap();
            let (left, operator, right) =
                (&relation[..at], &relation[at..=at], &relation[at + 1..]);
            let sql = format!("SELECT '{left}' {operator} '{right}' COLLATE {collation}");
            assert_eq!(value(&sql), "1", "{sql}");
        }
    }
}

#[test]
fn versions_in_tables_compare_as_versions() {
    let sql = "SELECT (version < '1:2') = (version < '1:2' COLLATE version) FROM kernel_info";
    assert_eq!(value(sql), "1");
    let sql = "SELECT count(*) FROM deb_packages
               WHERE (version < '1:2') <> (version < '1:2' COLLATE version_dpkg)";
    assert_eq!(value(sql), "0");
}

#[test]
fn paths() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    for name in ["run", "run me", "run me now"] {
        std::fs::write(path(name), "").unwrap();
    }
    std::fs::create_dir(path("dir")).unwrap();
    let (run, dir) = (path("run"), path("dir"));
    let gone = path("gone");
    check(&[
        ("parent_directory('/etc/passwd')", "/etc"),
        ("parent_directory('/etc/ssh/')", "/etc/ssh"),
        ("parent_directory('/etc')", ""),
        ("parent_directory('etc')", NULL),
        (&format!("find_file_path_in_cmd('  {run} me now')"), &run),
        (&format!("find_file_path_in_cmd('{run} -x')"), &run),
        (&format!("find_file_path_in_cmd('\"{run} me\" -x', 1)"), &format!("{run} me")),
        (&format!("find_file_path_in_cmd('\"{run} me\" -x', 0)"), ""),
        (&format!("find_file_path_in_cmd('{run}^ me now', 0, '^')"), &format!("{run} me")),
        (&format!("find_file_path_in_cmd('{run}\\ me\\ now')"), &format!("{run} me now")),
        (&format!("find_file_path_in_cmd('{gone} now')"), ""),
        (&format!("find_file_path_in_cmd('{dir}')"), ""),
        (&format!("is_path_deterministic('{run}')"), "1"),
        (&format!("is_path_deterministic('{run} -x')"), "1"),
        (&format!("is_path_deterministic('{run} me -x')"), "0"),
        (&format!("is_path_deterministic('\"{run}\" me', 1)"), "0"),
        (&format!("is_path_deterministic('{gone}')"), "1"),
    ]);
    check_errors(&[
        ("parent_directory(NULL)", "Invalid inputs to parent_directory, TEXT was expected"),
        ("parent_directory(1)", "Invalid inputs to parent_directory, TEXT was expected"),
        ("find_file_path_in_cmd()", "Invalid inputs to find_file_path_in_cmd"),
        ("find_file_path_in_cmd(NULL)", "Invalid inputs to find_file_path_in_cmd"),
        ("find_file_path_in_cmd('a', 1, '')", "Invalid inputs to find_file_path_in_cmd"),
        ("find_file_path_in_cmd('a', 1, 'xy')", "Invalid inputs to find_file_path_in_cmd"),
        ("is_path_deterministic(NULL)", "Invalid inputs to is_path_deterministic"),
    ]);
}

#[test]
fn operations() {
    check(&[("sleep(0)", "0"), ("sleep(-5)", "0"), ("sleep('x')", "0"), ("sleep(1)", "1")]);
    for sql in [
        "SELECT carve('/etc/passwd')",
        "SELECT carve(path) FROM file WHERE path = '/etc/passwd'",
        "SELECT carve(path) FROM file WHERE path = '/no/such/file'",
    ] {
        let error = error(sql);
        assert!(error.contains("carve is not available"), "{sql}: {error}");
    }
}

#[test]
fn functions_survive_any_argument() {
    let arguments =
        ["NULL", "''", "'x'", "x''", "x'00ff'", "-1", "9223372036854775807", "1e308", "char(0)"];
    for (name, counts) in [
        ("sqrt", 1..=1),
        ("exp", 1..=1),
        ("ceil", 1..=1),
        ("power", 2..=2),
        ("split", 3..=3),
        ("regex_split", 3..=3),
        ("regex_match", 3..=3),
        ("inet_aton", 1..=1),
        ("in_cidr_block", 2..=2),
        ("concat", 0..=2),
        ("concat_ws", 0..=3),
        ("md5", 1..=1),
        ("to_base64", 1..=1),
        ("from_base64", 1..=1),
        ("conditional_to_base64", 1..=1),
        ("version_compare", 0..=3),
        ("parent_directory", 1..=1),
        ("find_file_path_in_cmd", 0..=3),
        ("is_path_deterministic", 0..=3),
    ] {
        let runner = runner();
        for count in counts {
            for choice in 0..arguments.len().pow(count) {
                let argument =
                    |place| arguments[choice / arguments.len().pow(place) % arguments.len()];
                let list: Vec<_> = (0..count).map(argument).collect();
                // An error is fine; what matters is that the agent lives to tell it.
                drop(runner.run(&format!("SELECT {name}({})", list.join(", "))));
            }
        }
    }
}

/// Patterns of what both syntaxes share, so that the `regex` crate itself is the measure.
fn pattern() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        Just("b".to_owned()),
        Just("[ab]".to_owned()),
        Just("[^a]".to_owned()),
        Just("\\w".to_owned()),
        Just(".".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}{b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}|{b})")),
            inner.clone().prop_map(|a| format!("(?:{a})*")),
            inner.clone().prop_map(|a| format!("({a})+?")),
            inner.prop_map(|a| format!("(?:{a}){{1,2}}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() })]

    #[test]
    fn patterns_of_both_syntaxes_mean_the_same(pattern in pattern(), text in "[abc ]{0,12}") {
        let expected = regex::bytes::RegexBuilder::new(&pattern).unicode(false).build().unwrap();
        let expected = expected.find(text.as_bytes());
        let expected = expected.map_or(NULL.as_bytes(), |found| found.as_bytes());
        let expected = String::from_utf8_lossy(expected).into_owned();
        let call = format!("regex_match({}, {}, 0)", quoted(&text), quoted(&pattern));
        prop_assert_eq!(value(&format!("SELECT coalesce({call}, '{NULL}')")), expected);
    }

    #[test]
    fn any_pattern_is_taken_or_refused(pattern in "[ -~]{0,40}") {
        let sql = format!("SELECT regex_match('some text', {}, 0)", quoted(&pattern));
        if let Err(error) = runner().run(&sql) {
            prop_assert!(error.to_string().starts_with("Invalid regex: "), "{}: {}", pattern, error);
        }
    }

    #[test]
    fn base64_is_read_back(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let hex = hex::encode_upper(&bytes);
        let sql = format!("SELECT hex(from_base64(to_base64(x'{hex}')))");
        prop_assert_eq!(value(&sql), hex);
    }

    #[test]
    fn the_order_of_versions_has_two_sides(left in "[0-9a~^.:-]{0,8}", right in "[0-9a~^.:-]{0,8}") {
        for flavor in ["", ", 'ARCH'", ", 'DPKG'", ", 'RHEL'"] {
            let sql = format!(
                "SELECT version_compare('{left}', '{right}'{flavor})
                      + version_compare('{right}', '{left}'{flavor})"
            );
            prop_assert_eq!(value(&sql), "0", "{}", sql);
        }
    }

    #[test]
    fn a_block_holds_what_shares_its_prefix(network: u32, ip: u32, length in 0_u32..=30) {
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        // Half of the addresses are taken from within.
        let ip = if ip % 2 == 0 { network & mask | ip & !mask } else { ip };
        let is_host = network & mask == ip & mask && ip & !mask != 0 && ip & !mask != !mask;
        let text = |address: u32| std::net::Ipv4Addr::from(address);
        let sql = format!("SELECT in_cidr_block('{}/{length}', '{}')", text(network), text(ip));
        prop_assert_eq!(value(&sql), u8::from(is_host).to_string(), "{}", sql);
    }

    #[test]
    fn pieces_are_numbered_from_zero(words in prop::collection::vec("[a-z]{1,4}", 1..6)) {
        let text = words.join(",;");
        for (index, word) in words.iter().enumerate() {
            prop_assert_eq!(&value(&format!("SELECT split('{text}', ';,', {index})")), word);
            prop_assert_eq!(&value(&format!("SELECT regex_split('{text}', ',;', {index})")), word);
        }
    }
}
