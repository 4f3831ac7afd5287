// SPDX-License-Identifier: Apache-2.0
//! What systemd's manager says of its units, asked over the system bus
//! (`org.freedesktop.systemd1`). Where systemd does not run there are no units.

use std::path::Path;

use super::bus::{Body, Bus, BusError, Method};
use super::{Scan, TableError};

const SOCKET: &str = "/run/dbus/system_bus_socket";
const DESTINATION: &str = "org.freedesktop.systemd1";
/// Interface of properties that every unit has.
pub const UNIT: &str = "org.freedesktop.systemd1.Unit";
/// Interface of properties that services have.
pub const SERVICE: &str = "org.freedesktop.systemd1.Service";

/// A unit as the manager lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name with its kind, such as `cron.service`.
    pub id: String,
    /// What it says it is.
    pub description: String,
    /// Whether its file could be read.
    pub load_state: String,
    /// Whether it is active.
    pub active_state: String,
    /// The same in more detail.
    pub sub_state: String,
    /// The unit whose state it follows, if any.
    pub following: String,
    /// Its object on the bus.
    pub object_path: String,
    /// Number of the job that is queued for it; 0 when none is.
    pub job_id: u32,
    /// Kind of that job.
    pub job_type: String,
    /// The job's object on the bus.
    pub job_path: String,
}

/// A connection to the manager.
pub struct Manager(Bus);

impl Manager {
    /// Connects; `None` where there is no system bus or it refuses.
    pub fn connect(scan: &Scan<'_>) -> Option<Self> {
        let socket = scan.host().at(Path::new(SOCKET));
        if !socket.exists() {
            return None;
        }
        noted(Bus::connect(&socket)).map(Self)
    }

    /// All units that the manager has loaded.
    pub fn units(&mut self) -> Vec<Unit> {
        let method = Method {
            destination: DESTINATION,
            path: "/org/freedesktop/systemd1",
            interface: "org.freedesktop.systemd1.Manager",
            member: "ListUnits",
        };
        let body = noted(self.0.call(&method, &[]));
        noted(body.as_ref().map_or(Ok(Vec::new()), |body| units(body).ok_or(BusError::Malformed)))
            .unwrap_or_default()
    }

    /// A property of a unit that is a text; empty when it has none.
    ///
    /// # Errors
    /// When the query must end.
    pub fn property(
        &mut self,
        scan: &Scan<'_>,
        unit: &Unit,
        interface: &str,
        name: &str,
    ) -> Result<String, TableError> {
        scan.check()?;
        let method = Method {
            destination: DESTINATION,
            path: &unit.object_path,
            interface: "org.freedesktop.DBus.Properties",
            member: "Get",
        };
        let body = self.0.call(&method, &[interface, name]).ok();
        Ok(body.and_then(|body| variant(&body)).unwrap_or_default())
    }

    /// The user a service runs as; empty for other units and for root by default.
    ///
    /// # Errors
    /// When the query must end.
    pub fn user(&mut self, scan: &Scan<'_>, unit: &Unit) -> Result<String, TableError> {
        match unit.id.ends_with(".service") {
            true => self.property(scan, unit, SERVICE, "User"),
            false => Ok(String::new()),
        }
    }
}

/// The table is empty then, as in osquery; the log says why.
fn noted<T>(outcome: Result<T, BusError>) -> Option<T> {
    outcome.inspect_err(|error| tracing::warn!("systemd's units cannot be listed: {error}")).ok()
}

/// An array of structures of type `(ssssssouso)`.
fn units(body: &Body) -> Option<Vec<Unit>> {
    let mut reader = body.reader();
    let end = reader.structures()?;
    let mut units = Vec::new();
    while reader.is_before(end) {
        reader.align(8)?;
        let mut text = || reader.text().map(str::to_owned);
        let [id, description, load_state, active_state] = [text()?, text()?, text()?, text()?];
        let [sub_state, following, object_path] = [text()?, text()?, text()?];
        let job_id = reader.number()?;
        let mut text = || reader.text().map(str::to_owned);
        let [job_type, job_path] = [text()?, text()?];
        units.push(Unit {
            id,
            description,
            load_state,
            active_state,
            sub_state,
            following,
            object_path,
            job_id,
            job_type,
            job_path,
        });
    }
    Some(units)
}

/// A value that carries its type, if that is a text.
fn variant(body: &Body) -> Option<String> {
    let mut reader = body.reader();
    match reader.signature()? {
        "s" | "o" => reader.text().map(str::to_owned),
        _ => None,
    }
}
