//! Products of the emitted Verilog against 128-bit arithmetic, at every width in use.

use crate::bench::{Bench, Dice, Inputs, get, put, with_primitives};
use hdl::Target;
use hdl::product::{LATENCY, Product, ProductRows, ROWS_LATENCY};

const VECTORS: usize = 20_000;
/// Where the second factor and the second output lie on the bench's ports.
const SECOND: usize = 128;

/// Both blocks of one width, one product per clock, from every target's multipliers.
fn check<const A: usize, const B: usize, const C: usize>() {
    for target in Target::ALL {
        check_target::<A, B, C>(target);
    }
}

fn check_target<const A: usize, const B: usize, const C: usize>(target: Target) {
    let blocks = hdl::emit_block("rows_block", &ProductRows::<A, B, C>::default())
        + &hdl::emit_block("product_block", &Product::<A, B, C>::default());
    let bench = Bench::new(
        &format!("product-{}-{A}-{B}-{C}", target.name()),
        &with_primitives(&blocks, target),
        &format!(
            "    wire [{a}:0] left = in[{a}:0];
    wire [{b}:0] right = in[{SECOND}+:{B}];
    wire [{c}:0] sum, carry, product;
    rows_block rows(.clock(clk), .left(left), .right(right), .sum(sum), .carry(carry));
    product_block whole(.clock(clk), .left(left), .right(right), .product(product));
    assign out = {{product, {{({SECOND}-{C}){{1'b0}}}}, carry, {{({SECOND}-{C}){{1'b0}}}}, sum}};",
            a = A - 1,
            b = B - 1,
            c = C - 1,
        ),
    );
    let mut dice = Dice(A as u64 * 1_000 + B as u64);
    let factors: Vec<(u128, u128)> = (0..VECTORS).map(|_| (dice.number(A), dice.number(B))).collect();
    let inputs: Vec<Inputs> = factors
        .iter()
        .map(|(left, right)| {
            let mut words = Inputs::default();
            put(&mut words, 0, A, *left);
            put(&mut words, SECOND, B, *right);
            words
        })
        .collect();
    let outputs = bench.clock(&inputs);
    let mask = (1_u128 << C) - 1;
    for (index, (left, right)) in factors.iter().enumerate() {
        // C may be less than A + B: the product is cut, and a factor of more than 64 bits is multiplied modulo 2^128.
        let expected = left.wrapping_mul(*right) & mask;
        if let Some(words) = outputs.get(index + ROWS_LATENCY as usize) {
            let (sum, carry) = (get(words, 0, C), get(words, SECOND, C));
            assert_eq!(
                (sum + carry) & mask,
                expected,
                "rows of {left:#x} * {right:#x}, {A} x {B}, {target:?}"
            );
        }
        if let Some(words) = outputs.get(index + LATENCY as usize) {
            assert_eq!(get(words, 2 * SECOND, C), expected, "{left:#x} * {right:#x}, {A} x {B}, {target:?}");
        }
    }
}

#[test]
fn products_of_every_width_in_use_are_exact() {
    check::<40, 32, 72>();
    check::<59, 21, 80>();
    check::<64, 20, 84>();
    check::<59, 20, 79>();
    check::<88, 10, 98>();
}

#[test]
fn products_of_odd_widths_are_exact_or_cut() {
    check::<1, 1, 2>();
    check::<18, 18, 36>();
    check::<19, 19, 38>();
    check::<7, 40, 47>();
    check::<60, 60, 120>();
    check::<40, 32, 59>();
}
