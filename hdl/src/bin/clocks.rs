//! Clocks of the machine's operations, as `clocks<tab>name` lines: `cargo run -p hdl --bin clocks`.

fn main() {
    for (name, clocks) in hdl::clocks::TABLE {
        println!("{clocks}\t{name}");
    }
}
