//! What the gateware is built for. Blocks are the same for every target; the primitives below them are not.

/// Multipliers and RAM of a device family.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target {
    /// Plain Verilog for simulators and any other synthesizer.
    Portable,
    /// Lattice ECP5.
    Ecp5,
    /// AMD UltraScale+.
    UltraScalePlus,
}

impl Target {
    pub const ALL: [Self; 3] = [Self::Portable, Self::Ecp5, Self::UltraScalePlus];

    /// As on the command line and in the names of build directories.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Ecp5 => "ecp5",
            Self::UltraScalePlus => "ultrascale",
        }
    }

    /// Verilog of the modules that blocks instantiate: `backstop_multiplier`, `backstop_product_rows`,
    /// `backstop_ram`, `backstop_registered_ram`. The same ports, clocks and answers from every target.
    pub const fn primitives(self) -> &'static str {
        match self {
            Self::Portable => {
                concat!(include_str!("../verilog/portable.v"), include_str!("../verilog/product_rows.v"))
            }
            Self::Ecp5 => {
                concat!(include_str!("../verilog/ecp5.v"), include_str!("../verilog/product_rows.v"))
            }
            Self::UltraScalePlus => {
                concat!(include_str!("../verilog/ultrascale.v"), include_str!("../verilog/product_rows.v"))
            }
        }
    }
}
