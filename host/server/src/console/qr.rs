//! A text as a QR code (ISO/IEC 18004), to be drawn by a page.

use std::fmt::Write as _;

use qrcode::{Color, EcLevel, QrCode};
use serde::Serialize;
use zeroize::Zeroizing;

use super::page::shown;

/// Light modules on each side, without which cameras do not find a code (ISO/IEC 18004, 9.1).
const QUIET: usize = 4;

/// The dark modules of a code. Zeroed when dropped, as it may tell a secret.
#[derive(Serialize)]
pub(super) struct Code {
    /// Modules of a side, the quiet ones with it.
    size: usize,
    /// The dark ones, as the path of an SVG whose unit is a module.
    #[serde(serialize_with = "shown")]
    path: Zeroizing<String>,
}

impl Code {
    /// Nothing where the text is longer than a code holds, which is over two thousand bytes.
    pub(super) fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        // A secret is not left behind by a string that grew: the most that a module takes is `M000 000h1v1h-1z`.
        let mut path = Zeroizing::new(String::with_capacity(width * width * 16));
        let modules = Zeroizing::new(code.to_colors().iter().map(|color| *color == Color::Dark).collect::<Vec<_>>());
        for (row, line) in modules.chunks(width).enumerate() {
            let mut column = 0;
            for run in line.chunk_by(|one, next| one == next) {
                if run.first() == Some(&true) {
                    let (x, y, length) = (column + QUIET, row + QUIET, run.len());
                    // Writing to a string does not fail.
                    let _written = write!(path, "M{x} {y}h{length}v1h-{length}z");
                }
                column += run.len();
            }
        }
        Some(Self { size: width + 2 * QUIET, path })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]
    use super::*;

    #[test]
    fn a_code_has_its_marks_in_three_corners_within_a_quiet_frame() {
        // 21 modules are the smallest code (version 1); its marks are 7 wide.
        let code = Code::of("jeton").unwrap();
        assert_eq!(code.size, 21 + 8);
        for mark in ["M4 4h7v1h-7z", "M18 4h7v1h-7z", "M4 18h7v1h-7z"] {
            assert!(code.path.contains(mark), "{}", code.path.as_str());
        }
        assert!(Code::of(&"a".repeat(4_000)).is_none());
    }
}
