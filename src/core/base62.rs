//! Fixed-width base 62: the digits that survive a double click, a URL and a shell.

/// The digits in ascending order: `0-9A-Za-z`.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The value of each byte as a digit; 255 where it is none.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut digit = 0_u8;
    while digit < 62 {
        values[DIGITS[digit as usize] as usize] = digit;
        digit += 1;
    }
    values
};

/// How many digits one step takes: 62^10 is the largest power that leaves a `u64` room for a carry.
const STEP: usize = 10;

/// Writes `bytes`, a big-endian number, as exactly `digits.len()` digits, the most significant first.
///
/// The caller gives room for the largest value: 22 digits for 16 bytes, 43 for 32, 6 for 4.
pub fn encode(bytes: &[u8], digits: &mut [u8]) {
    let mut limbs = [0_u32; 8];
    let limbs = &mut limbs[..bytes.len() / 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *limb = u32::from_be_bytes(*chunk);
    }
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u64;
        for limb in limbs.iter_mut() {
            let value = (remainder << 32) | u64::from(*limb);
            *limb = u32::try_from(value / 62).expect("the remainder is below 62");
            remainder = value % 62;
        }
        *digit = DIGITS[usize::try_from(remainder).expect("a remainder of 62")];
    }
    debug_assert!(limbs.iter().all(|limb| *limb == 0), "too few digits for the value");
}

/// Reads `digits` into `bytes` as a big-endian number.
///
/// `None` where a byte is no digit or the value doesn't fit: a value has one spelling and no other.
pub fn decode(digits: &[u8], bytes: &mut [u8]) -> Option<()> {
    let mut limbs = [0_u32; 8];
    let limbs = &mut limbs[..bytes.len() / 4];
    for chunk in digits.chunks(STEP) {
        let (mut carry, mut factor) = (0_u64, 1_u64);
        for byte in chunk {
            let value = VALUES[usize::from(*byte)];
            if value == 255 {
                return None;
            }
            carry = carry * 62 + u64::from(value);
            factor *= 62;
        }
        let factor = u128::from(factor);
        let mut carry = u128::from(carry);
        for limb in limbs.iter_mut().rev() {
            let value = u128::from(*limb) * factor + carry;
            *limb = (value & 0xffff_ffff) as u32;
            carry = value >> 32;
        }
        if carry != 0 {
            return None;
        }
    }
    for (limb, chunk) in limbs.iter().zip(bytes.as_chunks_mut::<4>().0) {
        *chunk = limb.to_be_bytes();
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    fn round(bytes: &[u8], width: usize) {
        let mut digits = vec![0; width];
        encode(bytes, &mut digits);
        let mut back = vec![0; bytes.len()];
        decode(&digits, &mut back).expect("what was encoded decodes");
        assert_eq!(bytes, back);
    }

    #[test]
    fn every_width_holds_its_smallest_and_largest_value() {
        for (bytes, width) in [(4, 6), (16, 22), (32, 43)] {
            round(&vec![0; bytes], width);
            round(&vec![255; bytes], width);
            round(&(0..bytes).map(|byte| u8::try_from(byte * 7).expect("small")).collect::<Vec<_>>(), width);
        }
    }

    #[test]
    fn a_known_value_has_its_known_digits() {
        let mut digits = [0; 6];
        encode(&3844_u32.to_be_bytes(), &mut digits); // 62²
        assert_eq!(&digits, b"000100");
    }

    #[test]
    fn what_does_not_fit_or_is_no_digit_is_refused() {
        let mut four = [0; 4];
        assert!(decode(b"zzzzzz", &mut four).is_none(), "62^6 - 1 is more than 32 bits");
        assert!(decode(b"00000-", &mut four).is_none());
        assert!(decode(b"4gfFC3", &mut four).is_some(), "2^32 - 1");
        assert_eq!(four, [255; 4]);
        assert!(decode(b"4gfFC4", &mut four).is_none(), "2^32");
    }
}
