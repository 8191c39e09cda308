//! Products of the emitted Verilog against 128-bit arithmetic, at every width in use, from every target's multipliers.

use crate::bench::{Bench, Dice, Inputs, get, put, with_primitives};
use hdl::Target;
use hdl::product::{LATENCY, Product, ProductRows, ROWS_LATENCY};

const VECTORS: usize = 20_000;
/// Bits of the bench's ports that one factor or result may take.
const FIELD: usize = 128;

/// Both blocks of one width.
struct Width {
    left: usize,
    right: usize,
    product: usize,
    verilog: String,
}

fn width<const A: usize, const B: usize, const C: usize>() -> Width {
    let verilog = hdl::emit_block(&format!("rows_{A}_{B}_{C}"), &ProductRows::<A, B, C>::default())
        + &hdl::emit_block(&format!("product_{A}_{B}_{C}"), &Product::<A, B, C>::default());
    Width { left: A, right: B, product: C, verilog }
}

fn widths() -> Vec<Width> {
    vec![
        // In use.
        width::<40, 32, 72>(),
        width::<59, 21, 80>(),
        width::<64, 20, 84>(),
        width::<59, 20, 79>(),
        width::<88, 10, 98>(),
        // Odd ones: of one limb, of more right limbs than left, of more than four rows, cut.
        width::<1, 1, 2>(),
        width::<18, 18, 36>(),
        width::<19, 19, 38>(),
        width::<7, 40, 47>(),
        width::<60, 60, 120>(),
        width::<40, 32, 59>(),
    ]
}

/// Instances of one width's blocks on the bench's ports.
fn instances(index: usize, Width { left: a, right: b, product: c, .. }: &Width) -> String {
    let (left, right) = (2 * index * FIELD, (2 * index + 1) * FIELD);
    let [sum, carry, product] = [0, 1, 2].map(|field| (3 * index + field) * FIELD);
    format!(
        "    rows_{a}_{b}_{c} rows_{index}(
        .clock(clk), .left(in[{left}+:{a}]), .right(in[{right}+:{b}]), .sum(out[{sum}+:{c}]), .carry(out[{carry}+:{c}])
    );
    product_{a}_{b}_{c} product_{index}(
        .clock(clk), .left(in[{left}+:{a}]), .right(in[{right}+:{b}]), .product(out[{product}+:{c}])
    );
"
    )
}

fn check(target: Target) {
    let widths = widths();
    let blocks: String = widths.iter().map(|width| width.verilog.as_str()).collect();
    let body: String = widths.iter().enumerate().map(|(index, width)| instances(index, width)).collect();
    let bench = Bench::new(&format!("product-{}", target.name()), &with_primitives(&blocks, target), &body);

    let mut dice = Dice(41);
    let factors: Vec<Vec<(u128, u128)>> = (0..VECTORS)
        .map(|_| widths.iter().map(|width| (dice.number(width.left), dice.number(width.right))).collect())
        .collect();
    let inputs: Vec<Inputs> = factors
        .iter()
        .map(|factors| {
            let mut words = Inputs::default();
            for (index, (width, (left, right))) in widths.iter().zip(factors).enumerate() {
                put(&mut words, 2 * index * FIELD, width.left, *left);
                put(&mut words, (2 * index + 1) * FIELD, width.right, *right);
            }
            words
        })
        .collect();
    let outputs = bench.clock(&inputs);
    for (clock, factors) in factors.iter().enumerate() {
        for (index, (width, (left, right))) in widths.iter().zip(factors).enumerate() {
            let Width { left: a, right: b, product: c, .. } = width;
            // No product in the list needs more than 128 bits.
            let expected = (left * right) & ((1 << c) - 1);
            let field = |latency: u64, field: usize| {
                let words = outputs.get(clock + latency as usize)?;
                Some(get(words, (3 * index + field) * FIELD, *c))
            };
            if let (Some(sum), Some(carry)) = (field(ROWS_LATENCY, 0), field(ROWS_LATENCY, 1)) {
                let total = (sum + carry) & ((1 << c) - 1);
                assert_eq!(total, expected, "{target:?}: rows of {left:#x} * {right:#x}, {a} x {b}");
            }
            if let Some(product) = field(LATENCY, 2) {
                assert_eq!(product, expected, "{target:?}: {left:#x} * {right:#x}, {a} x {b}");
            }
        }
    }
}

#[test]
fn products_of_the_portable_multiplier_are_exact() {
    check(Target::Portable);
}

#[test]
fn products_of_the_ecp5_multiplier_are_exact() {
    check(Target::Ecp5);
}

#[test]
fn products_of_the_ultrascale_multiplier_are_exact() {
    check(Target::UltraScalePlus);
}
