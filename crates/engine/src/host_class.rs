// SPDX-License-Identifier: Apache-2.0
//! Classes of hosts that can be asked the same queries: the tables a host has depend on its
//! platform and on its agent. A campaign freezes each host's class at its launch, so that what a
//! host is asked never changes under way.

use mimir_wire::api::target::Platform;

/// A platform together with a kind of agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostClass(u8);

/// Platforms with a class of their own, in the order of their numbers; all others share the last.
const PLATFORMS: [Platform; 3] = [Platform::Linux, Platform::Darwin, Platform::Windows];
const PLATFORM_CLASSES: u8 = 4;

impl HostClass {
    /// How many there are.
    pub const COUNT: u8 = 2 * PLATFORM_CLASSES;

    /// The class of a host with this platform (`None` for another than the three) and agent.
    pub fn new(platform: Option<Platform>, own_agent: bool) -> Self {
        let place = platform.and_then(|wanted| PLATFORMS.iter().position(|one| *one == wanted));
        let place = place.map_or(PLATFORM_CLASSES - 1, |place| place as u8);
        Self(place + if own_agent { PLATFORM_CLASSES } else { 0 })
    }

    /// Every class, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// Its number: what is stored.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The class with a number, if there is one.
    pub fn from_number(number: u8) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// Its platform; `None` for another than the three.
    pub fn platform(self) -> Option<Platform> {
        PLATFORMS.get(usize::from(self.0 % PLATFORM_CLASSES)).copied()
    }

    /// Whether its hosts run `mimir-agent`.
    pub const fn own_agent(self) -> bool {
        self.0 >= PLATFORM_CLASSES
    }
}

/// A set of classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ClassSet(u8);

impl ClassSet {
    /// Every class: what a query campaign asks.
    pub const ALL: Self = Self(u8::MAX);

    /// Whether a class is in it.
    pub const fn contains(self, class: HostClass) -> bool {
        self.0 & (1 << class.0) != 0
    }

    /// The same with one class more.
    #[must_use]
    pub const fn with(self, class: HostClass) -> Self {
        Self(self.0 | (1 << class.0))
    }

    /// Whether no class is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// As bits, the class with number 0 lowest: what is stored.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set with these bits.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }
}

impl FromIterator<HostClass> for ClassSet {
    fn from_iter<I: IntoIterator<Item = HostClass>>(classes: I) -> Self {
        classes.into_iter().fold(Self::default(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_told_apart_and_read_back() {
        let platforms = [None, Some(Platform::Linux), Some(Platform::Darwin)];
        for platform in platforms.into_iter().chain([Some(Platform::Windows)]) {
            for own_agent in [false, true] {
                let class = HostClass::new(platform, own_agent);
                assert_eq!((class.platform(), class.own_agent()), (platform, own_agent));
                assert_eq!(HostClass::from_number(class.number()), Some(class));
            }
        }
        assert_eq!(HostClass::all().collect::<ClassSet>(), ClassSet::ALL);
        assert_eq!(HostClass::from_number(HostClass::COUNT), None);
    }

    #[test]
    fn a_set_holds_what_was_put_in() {
        let linux = HostClass::new(Some(Platform::Linux), false);
        let set = ClassSet::default().with(linux);
        assert!(set.contains(linux) && !set.is_empty() && ClassSet::default().is_empty());
        assert!(!set.contains(HostClass::new(Some(Platform::Linux), true)));
        assert_eq!(ClassSet::from_bits(set.bits()), set);
    }
}
