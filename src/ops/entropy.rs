//! Randomness, handed in from outside so that a test may fix it.

use crate::core::secret;

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// Where every id, secret, salt and key comes from.
pub struct Entropy(Box<Fill>);

impl Entropy {
    /// The kernel's generator.
    pub fn system() -> Self {
        Self::from_source(|buffer| {
            getrandom::fill(buffer).expect("the kernel's random generator answers on every supported system");
        })
    }

    /// A generator that fills buffers by `source`.
    pub fn from_source(source: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Box::new(source))
    }
}

impl secret::Entropy for Entropy {
    fn fill(&self, bytes: &mut [u8]) {
        (self.0)(bytes);
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy")
    }
}

#[cfg(test)]
mod tests {
    use super::Entropy;
    use crate::core::secret::random;

    #[test]
    fn the_kernel_does_not_repeat_itself() {
        let entropy = Entropy::system();
        assert_ne!(random::<32>(&entropy), random::<32>(&entropy));
    }

    #[test]
    fn a_source_is_used_as_given() {
        assert_eq!(random::<3>(&Entropy::from_source(|buffer| buffer.fill(7))), [7, 7, 7]);
    }
}
