//! Bytes read as choices, so that a search over bytes is a search over structures.

use arbitrary::Unstructured;

/// Choices out of an input. When it is used up, every choice is the first one: any input is a whole story.
pub struct Choices<'a>(Unstructured<'a>);

impl<'a> Choices<'a> {
    /// Reads choices from `data`.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        Self(Unstructured::new(data))
    }

    /// A number below `bound`, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.int_in_range(0..=bound.saturating_sub(1)).unwrap_or(0)
    }

    /// One of several.
    pub fn one_of<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }

    /// Yes or no.
    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// A number that sits where bounds use to: small, around `near`, or any.
    pub fn number_near(&mut self, near: u64) -> u64 {
        match self.below(8) {
            0 => u64::from(self.byte()),
            1 => u64::MAX - u64::from(self.byte() & 3),
            2 => self.number(),
            3..5 => near.wrapping_add(u64::from(self.byte())),
            5 => near,
            _ => near.wrapping_sub(u64::from(self.byte())),
        }
    }

    /// So many bytes, filled up with zeros.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let _filled = self.0.fill_buffer(&mut bytes);
        bytes
    }

    /// At most `most` bytes, as they stand in the input.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let length = self.below(most.saturating_add(1)).min(self.0.len());
        self.0.bytes(length).unwrap_or_default()
    }

    /// Text of at most `most` bytes: as it stands in the input, else with what is no text replaced.
    pub fn text(&mut self, most: usize) -> String {
        String::from_utf8_lossy(self.bytes(most)).into_owned()
    }

    /// All that is left.
    #[must_use]
    pub fn rest(self) -> &'a [u8] {
        self.0.take_rest()
    }

    /// Whether the input is used up.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }
}
