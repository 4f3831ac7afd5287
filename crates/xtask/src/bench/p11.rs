// SPDX-License-Identifier: Apache-2.0
//! P11: what a first visit of the console loads, as gzip would send it: the page, what it names,
//! and what the dashboard needs, by the list that Vite writes into the first script. The test in
//! a browser (`web/e2e/budget.e2e.ts`) counts what is really fetched.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::report::{Measured, Target};
use super::setting::Setting;

/// What is measured.
pub const WHAT: &str = "first load of the console, gzip";
/// Most KiB.
const TARGET_KIB: f64 = 250.0;

/// Measures it, with what `make web` has built.
pub fn run(_: &Setting<'_>) -> anyhow::Result<Vec<Measured>> {
    let dist = crate::root().join("web/dist");
    let read = |name: &str| {
        let path = dist.join(name);
        let advice = || format!("{} is missing; build the console first", path.display());
        std::fs::read_to_string(&path).with_context(advice)
    };
    let page = read("index.html")?;
    let mut files: BTreeSet<String> = named(&page).into_iter().collect();
    let scripts: Vec<String> =
        files.iter().filter(|name| name.contains("index-")).cloned().collect();
    for script in scripts.iter().filter(|name| name.ends_with(".js")) {
        files.extend(dashboard(&read(script)?));
    }
    ensure!(files.iter().any(|file| file.contains("DashboardPage")), "the dashboard is not found");
    files.insert("index.html".to_owned());
    let sizes = files.iter().map(|file| gzip(&dist.join(file)));
    let bytes: usize = sizes.collect::<anyhow::Result<Vec<_>>>()?.into_iter().sum();
    let note = format!("{} files, level 9, of a build for production.", files.len());
    let (id, what, target) = ("P11".to_owned(), WHAT.to_owned(), Target::ValueAtMost(TARGET_KIB));
    let (value, unit) = (bytes as f64 / 1024.0, "KiB");
    Ok(vec![Measured { id, what, hosts: 0, value, floor: None, ratio: None, unit, target, note }])
}

/// Files of our own that a page names.
fn named(page: &str) -> Vec<String> {
    let starts = ["src=\"/", "href=\"/"];
    let found = starts.iter().flat_map(|start| page.split(start).skip(1));
    found.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

/// Files that the dashboard needs: numbers in the list of all files that need others.
fn dashboard(script: &str) -> Vec<String> {
    let read = || {
        let list = script.split_once("m.f=[")?.1.split_once(']')?.0;
        let all: Vec<&str> = list.split(',').map(|name| name.trim_matches('"')).collect();
        let own = script.split("DashboardPage").find_map(|rest| {
            let (head, tail) = rest.split_once("__vite__mapDeps([")?;
            (head.len() < 40).then_some(tail.split_once(']')?.0)
        })?;
        let file = |number: &str| all.get(number.parse::<usize>().ok()?).map(|f| (*f).to_owned());
        Some(own.split(',').filter_map(file).collect())
    };
    read().unwrap_or_default()
}

fn gzip(path: &Path) -> anyhow::Result<usize> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(&std::fs::read(path).with_context(|| path.display().to_string())?)?;
    Ok(packer.finish()?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_where_vite_names_them() {
        let page = r#"<link href="/a.css"><script src="/s.js"></script><a href="http://x">"#;
        assert_eq!(named(page), ["s.js", "a.css"]);
        let script = "x=(m.f||(m.f=[\"assets/a.js\",\"assets/DashboardPage-x.js\",\"b.css\"]));\
                      i(()=>import(`./Other.js`),__vite__mapDeps([0]));\
                      i(()=>import(`./DashboardPage-x.js`),__vite__mapDeps([1,2]))";
        assert_eq!(dashboard(script), ["assets/DashboardPage-x.js", "b.css"]);
    }
}
