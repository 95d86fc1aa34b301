//! Where the addresses of a network stand among others that are ordered as text.

use std::fmt::Write as _;

use ipnet::IpNet;

use crate::core::filter::Value;

/// The first and the last text that an address in the network may have; among those between are others too. `None` where
/// they may have any.
pub(super) fn span(network: &IpNet) -> Option<[Value; 2]> {
    let text = |text: String| Value::Text(text);
    if network.prefix_len() == network.max_prefix_len() {
        let address = network.addr().to_string();
        return Some([text(address.clone()), text(address)]);
    }
    let mut begins = String::new();
    let part = match network {
        IpNet::V4(four) => {
            let whole = four.prefix_len() / 8;
            for octet in four.network().octets().iter().take(whole.into()) {
                write!(begins, "{octet}.").expect("a string takes all");
            }
            '.'
        }
        IpNet::V6(six) => {
            let whole = six.prefix_len() / 16;
            // From the first zeros on the text may be shortened.
            let groups = six.network().segments();
            for group in groups.iter().take(whole.into()).take_while(|group| **group != 0) {
                write!(begins, "{group:x}:").expect("a string takes all");
            }
            ':'
        }
    };
    let shared = begins.strip_suffix(part)?;
    // What stands next in ASCII after the mark that they all have there.
    let next = char::from_u32(u32::from(part) + 1).expect("ASCII");
    Some([text(begins.clone()), text(format!("{shared}{next}"))])
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{IpNet, Value, span};

    #[test]
    fn every_address_of_a_network_lies_in_its_span() {
        for (network, inside, outside) in [
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.30"),
            ("10.0.0.0/8", "10.255.0.1", "100.0.0.1"),
            ("10.16.0.0/12", "10.31.2.3", "11.0.0.1"),
            ("192.168.7.0/24", "192.168.7.255", "192.168.70.1"),
            ("2001:db8::/32", "2001:db8::1", "2001:db80::1"),
            ("2001:db8:0:1::/64", "2001:db8:0:1:2:3:4:5", "2001:db9::1"),
            ("::1/128", "::1", "::11"),
            ("fe80::/10", "fe80::1", ""),
            ("0.0.0.0/0", "1.2.3.4", ""),
        ] {
            let network: IpNet = network.parse().unwrap();
            assert!(network.contains(&inside.parse::<IpAddr>().unwrap()));
            let Some([low, high]) = span(&network) else {
                assert_eq!(outside, "", "{network} has a span");
                continue;
            };
            let within = |text: &str| (&low..=&high).contains(&&Value::Text(text.into()));
            assert!(within(inside), "{network}: {inside}");
            assert!(!within(outside), "{network}: {outside}");
        }
    }
}
