// SPDX-License-Identifier: Apache-2.0
//! The block devices that the kernel lists in sysfs, and what stands on what: a partition on
//! its disk, a logical volume, an encrypted volume or an array on the devices below it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Scan, TableError, read};
use crate::limits::PROC_FILE_BYTES_MAX;

const CLASS: &str = "/sys/class/block";
/// Layers of devices that are followed downwards.
const LAYERS_MAX: usize = 32;

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// The path of its node, such as `/dev/sda1`.
    pub name: String,
    /// Its directory in sysfs, without links.
    pub sysfs: PathBuf,
    /// Names of the devices it stands on: one for a partition, several for an array.
    pub below: Vec<String>,
}

impl Device {
    /// A file of the device in sysfs, trimmed; `None` when it is missing or empty.
    pub fn fact(&self, name: &str) -> Option<String> {
        let content = read::text(&self.sysfs.join(name), PROC_FILE_BYTES_MAX).ok()?;
        let content = content.trim();
        (!content.is_empty()).then(|| content.to_owned())
    }
}

/// All devices by name.
#[derive(Debug, Default)]
pub struct Devices(HashMap<String, Device>);

impl Devices {
    /// The devices of this machine.
    ///
    /// # Errors
    /// When the query must end. Without sysfs there are none.
    pub fn read(scan: &Scan<'_>) -> Result<Self, TableError> {
        Self::read_from(scan, Path::new(CLASS))
    }

    fn read_from(scan: &Scan<'_>, class: &Path) -> Result<Self, TableError> {
        let mut found = HashMap::new();
        let Ok(entries) = fs::read_dir(class) else { return Ok(Self::default()) };
        for entry in entries.flatten() {
            scan.check()?;
            if let Some(device) = device(&entry.path()) {
                found.insert(device.name.clone(), device);
            }
        }
        Ok(Self(found))
    }

    /// The device whose node is `name`.
    pub fn get(&self, name: &str) -> Option<&Device> {
        self.0.get(name)
    }

    /// Every device, by name.
    pub fn sorted(&self) -> Vec<&Device> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// The hardware at the bottom of the first device below, and so on.
    pub fn bottom<'d>(&'d self, device: &'d Device) -> &'d Device {
        let mut lowest = device;
        for _ in 0..LAYERS_MAX {
            match lowest.below.first().and_then(|name| self.get(name)) {
                Some(next) => lowest = next,
                None => break,
            }
        }
        lowest
    }

    /// Whether `has` holds for the device or for everything that it stands on; the device for
    /// which it was found to hold first.
    pub fn first_below<'d>(
        &'d self,
        device: &'d Device,
        has: &dyn Fn(&Device) -> bool,
    ) -> Option<&'d Device> {
        self.search(device, has, LAYERS_MAX)
    }

    fn search<'d>(
        &'d self,
        device: &'d Device,
        has: &dyn Fn(&Device) -> bool,
        layers: usize,
    ) -> Option<&'d Device> {
        if has(device) {
            return Some(device);
        }
        let layers = layers.checked_sub(1)?;
        let below = device.below.iter();
        let found: Option<Vec<_>> =
            below.map(|name| self.search(self.get(name)?, has, layers)).collect();
        found?.into_iter().next()
    }
}

/// The device of a directory in sysfs; `None` when it has gone.
fn device(path: &Path) -> Option<Device> {
    let sysfs = fs::canonicalize(path).ok()?;
    let name = node(&sysfs)?;
    let below = match sysfs.join("partition").exists() {
        true => sysfs.parent().and_then(node).into_iter().collect(),
        false => {
            let mut slaves: Vec<PathBuf> = fs::read_dir(sysfs.join("slaves"))
                .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
                .unwrap_or_default();
            slaves.sort_unstable();
            slaves.iter().filter_map(|slave| node(slave)).collect()
        }
    };
    Some(Device { name, sysfs, below })
}

/// The path of a device's node, by the name that the kernel announces.
fn node(sysfs: &Path) -> Option<String> {
    let uevent = read::text(&sysfs.join("uevent"), PROC_FILE_BYTES_MAX).ok()?;
    let name = uevent.lines().find_map(|line| line.strip_prefix("DEVNAME="))?;
    Some(format!("/dev/{name}"))
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::symlink;

    use super::super::block_devices::BlockDevices;
    use super::super::scan::tests::with_scan;
    use super::*;

    /// A tree as sysfs shows it: a disk with a partition, an encrypted volume on it, a logical
    /// volume on that, and an array of both disks.
    pub fn tree(root: &Path) -> Devices {
        let real = root.join("devices");
        let class = root.join("class");
        fs::create_dir_all(&class).unwrap();
        let add = |path: &str, uevent: &str, below: &[&str]| {
            let directory = real.join(path);
            fs::create_dir_all(directory.join("slaves")).unwrap();
            fs::write(directory.join("uevent"), uevent).unwrap();
            for slave in below {
                let name = Path::new(slave).file_name().unwrap();
                symlink(real.join(slave), directory.join("slaves").join(name)).unwrap();
            }
            let link = class.join(directory.file_name().unwrap());
            symlink(&directory, link).unwrap();
            directory
        };
        let disk = add("pci/block/sda", "MAJOR=8\nDEVNAME=sda\nDEVTYPE=disk\n", &[]);
        fs::create_dir_all(disk.join("device")).unwrap();
        fs::write(disk.join("device/model"), "Fast Disk   \n").unwrap();
        let part = add("pci/block/sda/sda1", "DEVNAME=sda1\nDEVTYPE=partition\n", &[]);
        fs::write(part.join("partition"), "1\n").unwrap();
        let crypt = add("virtual/dm-0", "DEVNAME=dm-0\n", &["pci/block/sda/sda1"]);
        fs::create_dir_all(crypt.join("dm")).unwrap();
        fs::write(crypt.join("dm/uuid"), "CRYPT-LUKS2-0123-root\n").unwrap();
        let volume = add("virtual/dm-1", "DEVNAME=dm-1\n", &["virtual/dm-0"]);
        fs::create_dir_all(volume.join("dm")).unwrap();
        fs::write(volume.join("dm/uuid"), "LVM-0123\n").unwrap();
        add("cciss!c0d0", "DEVNAME=cciss/c0d0\n", &[]);
        add("virtual/md0", "DEVNAME=md0\n", &["virtual/dm-0", "cciss!c0d0"]);
        fs::create_dir_all(class.join("gone")).unwrap();
        with_scan(&BlockDevices, &[], |scan| Devices::read_from(scan, &class).unwrap())
    }

    #[test]
    fn what_stands_on_what() {
        let directory = tempfile::tempdir().unwrap();
        let devices = tree(directory.path());
        let found: Vec<(&str, &[String])> =
            devices.sorted().iter().map(|one| (one.name.as_str(), &*one.below)).collect();
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let expected = [
            ("/dev/cciss/c0d0", names(&[])),
            ("/dev/dm-0", names(&["/dev/sda1"])),
            ("/dev/dm-1", names(&["/dev/dm-0"])),
            ("/dev/md0", names(&["/dev/cciss/c0d0", "/dev/dm-0"])),
            ("/dev/sda", names(&[])),
            ("/dev/sda1", names(&["/dev/sda"])),
        ];
        assert_eq!(found, expected.each_ref().map(|(name, below)| (*name, below.as_slice())));
        let bottom = devices.bottom(devices.get("/dev/dm-1").unwrap());
        assert_eq!(bottom.name, "/dev/sda");
        assert_eq!(bottom.fact("device/model").as_deref(), Some("Fast Disk"));
        assert_eq!(bottom.fact("device/serial"), None);
    }

    #[test]
    fn a_ring_of_devices_ends() {
        let device = |name: &str, below: &str| Device {
            name: name.to_owned(),
            sysfs: PathBuf::new(),
            below: vec![below.to_owned()],
        };
        let ring = [device("a", "b"), device("b", "a")];
        let devices = Devices(ring.into_iter().map(|one| (one.name.clone(), one)).collect());
        let one = devices.get("a").unwrap();
        assert!(devices.first_below(one, &|_| false).is_none());
        let _ = devices.bottom(one);
    }
}
