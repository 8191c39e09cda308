//! Sign extension: rust-hdl's casts fill with zeros, so a negative word gets its upper ones from a constant.

use rust_hdl::core::prelude::*;

/// Ones from bit `width` up to `W`: what a negative word of `width` bits lacks in a word of `W`.
pub fn extension<const W: usize>(width: usize) -> Bits<W> {
    Bits::<W>::mask() << (width as LiteralType)
}
