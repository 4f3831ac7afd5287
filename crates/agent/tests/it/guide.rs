// SPDX-License-Identifier: Apache-2.0
//! The guide names what there is: every table, every option, every option of a configuration.

use std::path::Path;
use std::process::Command;

fn guide() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/agent.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_table_is_in_the_guide() {
    let guide = guide();
    let (_, list) = guide.split_once("\n## Tables\n").unwrap();
    let (list, _) = list.split_once("\n\nand all of").unwrap();
    let mut listed: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
    let mut tables: Vec<&str> = mimir_agent::tables::all().iter().map(|it| it.name()).collect();
    tables.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, tables);
}

#[test]
fn every_option_is_in_the_guide() {
    let guide = guide();
    let help = Command::new(env!("CARGO_BIN_EXE_mimir-agent")).args(["run", "--help"]).output();
    let help = String::from_utf8(help.unwrap().stdout).unwrap();
    let options = help.split_whitespace().filter(|word| word.starts_with("--"));
    let mut count = 0;
    for option in options.filter(|word| !word.starts_with("--help")) {
        let name = option.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        assert!(guide.contains(&format!("`{name}")), "{name} is missing");
        count += 1;
    }
    assert!(count > 10, "{help}");
}
