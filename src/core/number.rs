//! The numbers people read out: `TKN-dddd-dddd`, a sequence spread by a fixed permutation.

use super::{id::Kind, refusal::Refusal};

/// How many numbers there are of a kind: `0000-0001` to `9999-9999`.
const COUNT: u64 = 99_999_999;

/// Coprime to [`COUNT`], so that multiplying by it permutes; near the golden section, so that neighbours part.
const SPREAD: u64 = 61_803_400;

/// [`SPREAD`]'s inverse modulo [`COUNT`].
const GATHER: u64 = inverse(SPREAD, COUNT);

/// A place in a kind's sequence, 1 to 99,999,999; shown spread over the eight digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Number(u32);

impl Number {
    /// The place after `last` (0 before the first).
    pub fn after<K: Kind>(last: i64) -> Result<Self, Refusal> {
        u32::try_from(last + 1)
            .ok()
            .filter(|place| u64::from(*place) <= COUNT)
            .map(Self)
            .ok_or(Refusal::NumbersExhausted { kind: K::NAME })
    }

    /// From a stored place in the sequence.
    pub const fn from_place(place: u32) -> Self {
        Self(place)
    }

    /// The place in the sequence, as stored.
    pub const fn place(self) -> u32 {
        self.0
    }

    /// `PREFIX-dddd-dddd`.
    pub fn show<K: Kind>(self) -> String {
        let shown = permute(u64::from(self.0), SPREAD);
        format!("{}-{:04}-{:04}", K::PREFIX, shown / 10_000, shown % 10_000)
    }

    /// Reads `PREFIX-dddd-dddd`; 0000-0000 is nobody's.
    pub fn parse(prefix: &str, text: &str) -> Option<Self> {
        let (high, low) = text.strip_prefix(prefix)?.strip_prefix('-')?.split_once('-')?;
        let four = |part: &str| part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !four(high) || !four(low) {
            return None;
        }
        let shown: u64 = high.parse::<u64>().ok()? * 10_000 + low.parse::<u64>().ok()?;
        (shown != 0).then(|| Self(u32::try_from(permute(shown, GATHER)).expect("below 10^8")))
    }
}

/// A bijection of 1..=COUNT onto itself: a product modulo COUNT with 0 written as COUNT.
const fn permute(value: u64, factor: u64) -> u64 {
    match value * factor % COUNT {
        0 => COUNT,
        product => product,
    }
}

/// The inverse of `value` modulo `modulus`, by Euclid.
const fn inverse(value: u64, modulus: u64) -> u64 {
    let (mut old, mut new) = (0_i64, 1_i64);
    let (mut dividend, mut divisor) = (modulus.cast_signed(), value.cast_signed());
    while divisor != 0 {
        let quotient = dividend / divisor;
        (old, new) = (new, old - quotient * new);
        (dividend, divisor) = (divisor, dividend - quotient * divisor);
    }
    assert!(dividend == 1, "not coprime: not a permutation");
    old.rem_euclid(modulus.cast_signed()).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{COUNT, Number};
    use crate::core::id::OfToken;

    #[test]
    fn numbers_are_a_permutation_that_parsing_undoes() {
        let mut seen = HashSet::new();
        for place in (1..=20_000).chain(COUNT - 20_000..=COUNT) {
            let number = Number::from_place(u32::try_from(place).expect("below 10^8"));
            let shown = number.show::<OfToken>();
            assert_ne!(shown, "TKN-0000-0000");
            assert_eq!(Number::parse("TKN", &shown), Some(number));
            assert!(seen.insert(shown));
        }
    }

    #[test]
    fn the_form_is_pinned() {
        assert_eq!(Number::from_place(1).show::<OfToken>(), "TKN-6180-3400");
        assert_eq!(Number::from_place(2).show::<OfToken>(), "TKN-2360-6801");
        for text in
            ["TKN-0000-0000", "TKN-1-2", "TKN-12345678", "tkn-6180-3400", "TKN-6180-340x", "TKN-+180-3400"]
        {
            assert_eq!(Number::parse("TKN", text), None, "{text}");
        }
    }

    #[test]
    fn the_last_number_is_the_last() {
        assert!(Number::after::<OfToken>(COUNT.cast_signed() - 1).is_ok());
        let refusal = Number::after::<OfToken>(COUNT.cast_signed()).expect_err("exhausted");
        assert_eq!(refusal.code(), "numbers_exhausted");
    }
}
