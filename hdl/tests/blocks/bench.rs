//! Blocks on their own under Verilator: emitted Verilog, inputs clock by clock, outputs clock by clock.

use hdl::Target;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Words of 32 bits of all inputs of a bench, and of all outputs: wide enough for every block, and an array in C++.
pub const IN_WORDS: usize = 96;
pub const OUT_WORDS: usize = 144;

#[derive(Clone, Copy)]
pub struct Inputs(pub [u32; IN_WORDS]);

impl Default for Inputs {
    fn default() -> Self {
        Self([0; IN_WORDS])
    }
}

impl Deref for Inputs {
    type Target = [u32];
    fn deref(&self) -> &[u32] {
        &self.0
    }
}

impl DerefMut for Inputs {
    fn deref_mut(&mut self) -> &mut [u32] {
        &mut self.0
    }
}

pub type Outputs = [u32; OUT_WORDS];

/// A Verilated module `bench` with `clk`, `in` and `out`.
pub struct Bench {
    directory: PathBuf,
}

impl Bench {
    /// `body` is what lies between the ports of module `bench` and its end; `blocks` is the Verilog it instantiates.
    pub fn new(name: &str, blocks: &str, body: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("blocks").join(name);
        if directory.exists() {
            std::fs::remove_dir_all(&directory).expect("the last run's files can go");
        }
        std::fs::create_dir_all(&directory).expect("the target directory can be written");
        let source = directory.join("bench.v");
        let text = format!(
            "{blocks}
module bench(input wire clk, input wire [{}:0] in, output wire [{}:0] out);
{body}
endmodule
",
            32 * IN_WORDS - 1,
            32 * OUT_WORDS - 1
        );
        std::fs::write(&source, text).expect("the directory was just made");
        let main = directory.join("main.cpp");
        std::fs::write(&main, include_str!("bench.cpp")).expect("the directory was just made");
        let mut command = Command::new(std::env::var("VERILATOR").unwrap_or("verilator".into()));
        command
            .args([
                "--cc",
                "--exe",
                "--build",
                "-j",
                "2",
                "-O3",
                "--top-module",
                "bench",
                "--prefix",
                "Vbench",
            ])
            .args(["-Wno-fatal", "-Wno-lint", "-CFLAGS", "-O1", "-o", "bench", "--Mdir"])
            .arg(&directory)
            .args([&source, &main]);
        run(&mut command);
        Self { directory }
    }

    /// Outputs just before the clock at which each of `inputs` is taken.
    pub fn clock(&self, inputs: &[Inputs]) -> Vec<Outputs> {
        let bytes: Vec<u8> =
            inputs.iter().flat_map(|input| input.0).flat_map(|word| word.to_le_bytes()).collect();
        let (input, output) = (self.directory.join("in"), self.directory.join("out"));
        std::fs::write(&input, bytes).expect("the directory is there");
        run(Command::new(self.directory.join("bench")).args([&input, &output]));
        let bytes = std::fs::read(&output).expect("the bench wrote it");
        let words: Vec<u32> =
            bytes.chunks_exact(4).map(|word| u32::from_le_bytes(word.try_into().expect("four"))).collect();
        let outputs: Vec<Outputs> =
            words.chunks_exact(OUT_WORDS).map(|words| words.try_into().expect("as many")).collect();
        assert_eq!(outputs.len(), inputs.len());
        outputs
    }
}

fn run(command: &mut Command) {
    let output =
        command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}; run `make setup`"));
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// The blocks with the target's primitives, and models of what these instantiate.
pub fn with_primitives(blocks: &str, target: Target) -> String {
    let models = if target == Target::Ecp5 { include_str!("ecp5.v") } else { "" };
    format!("{blocks}{}{models}", target.primitives())
}

/// The low `width` bits of `value` at `lsb`.
pub fn put(words: &mut [u32], lsb: usize, width: usize, value: u128) {
    for bit in 0..width {
        let mask = 1 << ((lsb + bit) % 32);
        let word = &mut words[(lsb + bit) / 32];
        *word = if value >> bit & 1 == 1 { *word | mask } else { *word & !mask };
    }
}

/// `width` bits from `lsb`.
pub fn get(words: &[u32], lsb: usize, width: usize) -> u128 {
    (0..width)
        .fold(0, |value, bit| value | u128::from(words[(lsb + bit) / 32] >> ((lsb + bit) % 32) & 1) << bit)
}

/// Repeats with its seed: xorshift64*.
pub struct Dice(pub u64);

impl Dice {
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Uniform, or all ones up to some bit, or a single bit, or near an end of the range.
    pub fn number(&mut self, width: usize) -> u128 {
        let uniform = u128::from(self.draw()) << 64 | u128::from(self.draw());
        let bit = self.draw() % width as u64;
        let value = match self.draw() % 6 {
            0 => (2 << bit) - 1,
            1 => 1 << bit,
            2 => !(uniform % 3),
            3 => uniform % 3,
            _ => uniform,
        };
        value & ((1 << width) - 1)
    }
}
