// SPDX-License-Identifier: Apache-2.0
//! What operators do in a step: launch, stop, archive, drop rows, change settings and the
//! deny-list, decommission, and look. Answers are taken into evidence.

use mimir_store::db::Value as Cell;
use rand::RngExt as _;
use serde_json::{Value, json};

use crate::checks::{Verdict, ensure};
use crate::snapshot::COUNTERS;
use crate::steps::unique;
use crate::world::World;

/// Campaigns of one run: more would only make each step dearer.
const CAMPAIGNS_MAX: usize = 6;

/// What campaigns ask; the number makes each text its own.
const TEXTS: [&str; 5] = [
    "SELECT pid, name, {} AS k FROM processes",
    "SELECT username, {} AS k FROM users",
    "SELECT path, {} AS k FROM file WHERE path = '/etc/hosts'",
    "SELECT {} AS k",
    "SELECT name, version, {} AS k FROM os_version",
];

impl World {
    /// An operator does something, at any replica.
    ///
    /// # Errors
    /// When the answer breaks an invariant.
    pub fn operator_step(&mut self) -> Verdict {
        let at = self.pick(self.replicas.len());
        match self.random.random_range(0..100) {
            0..40 => self.launch(at),
            40..50 => self.stop(at),
            50..54 => self.archive(at),
            54..60 => self.drop_rows(at),
            60..68 => self.flag(at),
            68..76 => self.deny(at),
            76..84 => self.caps(at),
            84..89 => self.decommission(at),
            _ => self.look(at),
        }
    }

    /// Id of a campaign, any.
    fn any_campaign(&mut self) -> Option<(i64, String)> {
        let place = self.pick(self.now.campaigns.len());
        self.now.campaigns.iter().nth(place).map(|(no, campaign)| (*no, campaign.id.clone()))
    }

    fn ids(&self, hosts: &[i64]) -> Vec<String> {
        let found = hosts.iter().filter_map(|host| {
            let host = *host;
            let read = self.db.read(move |tx| {
                tx.query_one("select id from host where no = $1", &[Cell::from(host)])?.get(0)
            });
            read.ok()
        });
        found.collect()
    }

    fn launch(&mut self, at: usize) -> Verdict {
        if self.now.campaigns.len() >= CAMPAIGNS_MAX {
            return Ok(());
        }
        self.launches += 1;
        let (number, minutes) = (self.launches, self.random.random_range(1..=40));
        let text = TEXTS[self.pick(TEXTS.len())];
        let sql = text.replace("{}", &unique(self.options.seed, number).to_string());
        let living: Vec<i64> = self.now.living.iter().copied().collect();
        let target = if living.is_empty() || self.chance(60) {
            json!({"type": "all"})
        } else {
            let first = self.pick(living.len());
            let count = 1 + self.pick(living.len() - first);
            json!({"type": "hosts", "host_ids": self.ids(&living[first..first + count])})
        };
        let body = json!({"name": format!("campaign {number}"), "sql": sql, "target": target,
            "live_window_minutes": minutes});
        let key = self.chance(50).then(|| format!("key {number}"));
        self.ask_launch(at, &body, key.as_deref())?;
        // Who hears nothing asks again, of whomever.
        if key.is_some() && self.chance(60) {
            let other = self.pick(self.replicas.len());
            self.settle()?;
            self.ask_launch(other, &body, key.as_deref())?;
        }
        Ok(())
    }

    fn ask_launch(&mut self, at: usize, body: &Value, key: Option<&str>) -> Verdict {
        let path = "/campaigns";
        let (status, answer) = self.operate(at, "POST", path, Some(body.clone()), key);
        self.note(format!("operator at {at} launches {}: {status} {}", body["sql"], code(&answer)));
        self.seen.launches += 1;
        if status != 201 {
            return ensure("defect", status != 500, || format!("a launch is answered {answer}"));
        }
        let id = text(&answer["campaign"]["id"]);
        let hosts = answer["dispatched_hosts"].as_i64().unwrap_or(-1);
        let hash = text(&answer["campaign"]["frozen"]["spec_sha256"]);
        if let Some(key) = key {
            let first = self.seen.by_key.entry(key.to_owned()).or_insert_with(|| id.clone());
            let (first, id) = (first.clone(), id.clone());
            ensure("launch", first == id, || format!("{key} launched both {first} and {id}"))?;
        }
        self.seen.launched.insert(id, (hosts, hash));
        Ok(())
    }

    fn stop(&mut self, at: usize) -> Verdict {
        let Some((no, id)) = self.any_campaign() else { return Ok(()) };
        let discard = self.chance(40);
        let body = json!({"reason": "enough", "discard_in_flight": discard});
        let path = format!("/campaigns/{id}/stop");
        let (status, answer) = self.operate(at, "POST", &path, Some(body), None);
        self.note(format!("operator at {at} stops {no}, discard {discard}: {status}"));
        ensure("defect", status != 500, || format!("a stop is answered {answer}"))
    }

    fn archive(&mut self, at: usize) -> Verdict {
        let Some((no, id)) = self.any_campaign() else { return Ok(()) };
        let action = if self.chance(70) { "archive" } else { "unarchive" };
        let path = format!("/campaigns/{id}/{action}");
        let (status, answer) = self.operate(at, "POST", &path, None, None);
        self.note(format!("operator at {at}: {action} {no}: {status}"));
        ensure("defect", status != 500, || format!("{action} is answered {answer}"))
    }

    fn drop_rows(&mut self, at: usize) -> Verdict {
        let Some((no, id)) = self.any_campaign() else { return Ok(()) };
        let (_, shown) = self.operate(at, "GET", &format!("/campaigns/{id}"), None, None);
        let body = json!({"confirm": shown["name"]});
        self.seen.drops.insert(id.clone());
        let path = format!("/campaigns/{id}/drop-rows");
        let (status, answer) = self.operate(at, "POST", &path, Some(body), None);
        self.note(format!("operator at {at} drops the rows of {no}: {status}"));
        ensure("defect", status != 500, || format!("drop-rows is answered {answer}"))
    }

    fn patch(&mut self, at: usize, change: Value) -> Verdict {
        let (status, answer) = self.operate(at, "PATCH", "/settings", Some(change.clone()), None);
        self.note(format!("operator at {at} sets {change}: {status}"));
        ensure("defect", status != 500, || format!("settings are answered {answer}"))
    }

    fn flag(&mut self, at: usize) -> Verdict {
        let on = self.chance(75);
        self.patch(at, json!({"offline_campaigns_enabled": on}))
    }

    /// Tables that campaigns ask go onto the deny-list and off it again.
    fn deny(&mut self, at: usize) -> Verdict {
        let mut names = vec!["carves"];
        names.extend(["processes", "users", "os_version"].into_iter().filter(|_| self.chance(20)));
        self.patch(at, json!({"denied_tables": names}))
    }

    fn caps(&mut self, at: usize) -> Verdict {
        let rows = [3, 20, 50_000][self.pick(3)];
        let bytes = [40, 400, 67_108_864][self.pick(3)];
        let all = [8, 40, 10_000_000, 10_000_000][self.pick(4)];
        let slots = self.random.random_range(1..=8);
        self.patch(
            at,
            json!({"campaign_host_row_cap": rows, "campaign_host_byte_cap": bytes,
                "campaign_aggregate_row_cap": all, "max_concurrent_hunts": slots}),
        )
    }

    fn decommission(&mut self, at: usize) -> Verdict {
        let living: Vec<i64> = self.now.living.iter().copied().collect();
        if living.len() < 3 {
            return Ok(());
        }
        let host = living[self.pick(living.len())];
        let Some(id) = self.ids(&[host]).pop() else { return Ok(()) };
        let block = self.chance(20);
        let body = json!({"block_reenrollment": block});
        let path = format!("/hosts/{id}/decommission");
        let (status, answer) = self.operate(at, "POST", &path, Some(body), None);
        self.note(format!("operator at {at} decommissions {host}, barred {block}: {status}"));
        ensure("defect", status != 500, || format!("a decommission is answered {answer}"))
    }

    /// What is shown is what is counted (I6), and the payload is that of the launch (I7).
    fn look(&mut self, at: usize) -> Verdict {
        let Some((no, id)) = self.any_campaign() else { return Ok(()) };
        let (status, shown) = self.operate(at, "GET", &format!("/campaigns/{id}"), None, None);
        self.note(format!("operator at {at} looks at {no}: {status}"));
        ensure("defect", status != 500, || format!("campaign {no} is answered {shown}"))?;
        if status != 200 {
            return Ok(());
        }
        let campaign = &self.now.campaigns[&no];
        for name in COUNTERS {
            let counted = campaign.counter(name);
            ensure("I6", shown["coverage"][name].as_i64() == Some(counted), || {
                format!("campaign {no} shows {name} = {}, it is {counted}", shown["coverage"][name])
            })?;
        }
        ensure("I7", shown["frozen"]["spec_sha256"] == campaign.spec_sha256.as_str(), || {
            format!("campaign {no} shows another payload: {}", shown["frozen"])
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn code(answer: &Value) -> String {
    text(&answer["code"])
}
