//! Networks that a token is good from, and networks that it isn't.

use std::net::IpAddr;

use ipnet::IpNet;

use super::MOST;
use crate::core::refusal::Refusal;

/// Networks allowed and denied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// Good from these alone; empty for from everywhere.
    pub allow: Vec<IpNet>,
    /// And not from these.
    pub deny: Vec<IpNet>,
}

impl Networks {
    /// Reads two lists of networks (`10.0.0.0/8`, `2001:db8::/32`) and addresses.
    pub fn parse<S: AsRef<str>>(allow: &[S], deny: &[S]) -> Result<Self, Refusal> {
        Ok(Self { allow: list("limits.networks.allow", allow)?, deny: list("limits.networks.deny", deny)? })
    }

    /// Whether they hold an address: one that isn't known is in no network, and so good for no token that has some.
    pub fn hold(&self, address: Option<IpAddr>) -> bool {
        if self.allow.is_empty() && self.deny.is_empty() {
            return true;
        }
        let Some(address) = address.map(|address| address.to_canonical()) else { return false };
        let is_in = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        (self.allow.is_empty() || is_in(&self.allow)) && !is_in(&self.deny)
    }

    /// These, as far as `held` allows them; what it denies stays denied.
    pub(super) fn within(self, held: &Self) -> Result<Self, Refusal> {
        let wider = || Refusal::WiderThanMinter { field: "limits.networks.allow" };
        let allow = if self.allow.is_empty() { held.allow.clone() } else { self.allow };
        let covered = |network: &IpNet| held.allow.iter().any(|held| held.contains(network));
        if !held.allow.is_empty() && !allow.iter().all(covered) {
            return Err(wider());
        }
        let mut deny = held.deny.clone();
        deny.extend(self.deny.into_iter().filter(|network| !held.deny.contains(network)));
        if deny.len() > MOST {
            let problem = format!("at most {MOST}, those of the token that mints it among them");
            return Err(Refusal::invalid("limits.networks.deny", problem));
        }
        Ok(Self { allow, deny })
    }
}

fn list<S: AsRef<str>>(field: &'static str, list: &[S]) -> Result<Vec<IpNet>, Refusal> {
    if list.len() > MOST {
        return Err(Refusal::invalid(field, format!("at most {MOST}")));
    }
    let mut networks: Vec<IpNet> =
        list.iter().map(|text| network(field, text.as_ref())).collect::<Result<_, _>>()?;
    networks.sort_unstable();
    networks.dedup();
    Ok(networks)
}

/// Reads a network, or an address for the network of it alone.
pub fn network(field: &'static str, text: &str) -> Result<IpNet, Refusal> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let network: IpNet = text
        .parse()
        .map_err(|_| Refusal::invalid(field, "addresses and networks such as 10.0.0.0/8 or 2001:db8::/32"))?;
    if network.trunc() != network {
        let meant = network.trunc();
        return Err(Refusal::invalid(field, format!("a bit is set behind the prefix: {meant} perhaps")));
    }
    match network {
        // Addresses are held against networks of their own kind, and an IPv4 one comes as such.
        IpNet::V6(six) if six.network().to_ipv4_mapped().is_some() && six.prefix_len() >= 96 => {
            Err(Refusal::invalid(field, "an IPv4 network is written as one"))
        }
        network => Ok(network),
    }
}
