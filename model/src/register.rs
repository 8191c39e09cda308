//! The registers of the PCIe-side top, written once: gateware, driver, tests and `docs/registers.md` read these constants.
//!
//! Every register is 32 bits wide and lies in the first 4 KiB of the register space. What a register of two words means
//! together is said at its low word.

/// What a write to a register does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Access {
    /// A write is refused.
    ReadOnly,
    /// Written at any time.
    ReadWrite,
    /// Written while the rings stand still; refused while [`CONTROL_ENABLE`] is set or transfers are outstanding.
    Setup,
    /// Only writes mean anything; it reads as 0.
    WriteOnly,
}

/// One register.
#[derive(Clone, Copy, Debug)]
pub struct Register {
    pub name: &'static str,
    /// In bytes from the start of the register space.
    pub offset: u16,
    pub access: Access,
    pub text: &'static str,
}

macro_rules! registers {
    ($($name:ident $access:ident $offset:literal $text:literal)*) => {
        $(
            #[doc = $text]
            pub const $name: Register =
                Register { name: stringify!($name), offset: $offset, access: Access::$access, text: $text };
        )*
        /// All, in the order of their offsets.
        pub const REGISTERS: &[Register] = &[$($name),*];
    };
}

registers! {
    ID ReadOnly 0x000 "The letters BKST."
    VERSION ReadOnly 0x004 "Version of this register map."
    ABI_HASH_LOW ReadOnly 0x008 "Hash of the record layouts, low word."
    ABI_HASH_HIGH ReadOnly 0x00c "Its high word."
    LANES ReadOnly 0x010 "Lanes of the build."
    ACCOUNTS ReadOnly 0x014 "Accounts of a lane."
    SLOTS ReadOnly 0x018 "Slots of a lane."
    INSTRUMENTS ReadOnly 0x01c "Instruments."
    CONTROL ReadWrite 0x020 "Bit 0 enable: rings run. Bit 1 quiesce: no more records are fetched, those inside are finished. Bit 2 reset: soft reset, reads as 0. Enabling ends what a lost host stopped."
    STATUS ReadOnly 0x024 "Bits of the table below."
    EPOCH ReadWrite 0x028 "The driver's configuration epoch. A reset clears it, so that whoever configured the device sees that it is no longer so."
    HEARTBEAT ReadOnly 0x02c "Counts 1,024 clocks of the margin machine."
    HOST_HEARTBEAT ReadWrite 0x030 "The driver's heartbeat: any write restarts the watchdog."
    WATCHDOG ReadWrite 0x034 "Host heartbeats may be so many times 1,024 bus clocks apart; 0: no watchdog."
    IN_BASE_LOW Setup 0x040 "Bus address of the ring of records in, a multiple of 4,096."
    IN_BASE_HIGH Setup 0x044 "Its high word."
    IN_SIZE Setup 0x048 "Binary logarithm of the ring's records, 7 to 20."
    IN_TAIL ReadWrite 0x04c "Doorbell: records the host has written since reset, modulo 2^32."
    IN_HEAD ReadOnly 0x050 "Records the device has fetched since reset, modulo 2^32: their places may be written again."
    OUT_BASE_LOW Setup 0x060 "Bus address of the ring of records out, a multiple of 4,096."
    OUT_BASE_HIGH Setup 0x064 "Its high word."
    OUT_SIZE Setup 0x068 "Binary logarithm of the ring's records, 7 to 20."
    OUT_HEAD ReadWrite 0x06c "Doorbell: records the host has taken since reset, modulo 2^32."
    OUT_TAIL ReadOnly 0x070 "Records in the ring since reset, modulo 2^32: all of them are acknowledged by the bus."
    INDEX_BASE_LOW Setup 0x074 "Bus address of the index record, a multiple of 32; 0: none is written."
    INDEX_BASE_HIGH Setup 0x078 "Its high word."
    IRQ_ARM WriteOnly 0x080 "Asks for one interrupt when OUT_TAIL is beyond the index written."
    IRQ_INTERVAL ReadWrite 0x084 "Bus clocks between two interrupts, at least."
    READ_ERRORS ReadOnly 0x0a0 "Beats that came with an error from a read of the ring in."
    WRITE_ERRORS ReadOnly 0x0a4 "Writes of records or indices that the bus answered with an error."
    INDEX_ERRORS ReadOnly 0x0a8 "Doorbells refused: the index was not within its ring."
    PUSH_ERRORS ReadOnly 0x0ac "Records refused by the push window."
    ACCESS_ERRORS ReadOnly 0x0b0 "Register accesses refused."
    ECC_CORRECTED ReadOnly 0x0b4 "RAM words with one wrong bit, corrected."
    ECC_UNCORRECTED ReadOnly 0x0b8 "RAM words beyond repair."
    RECORDS_IN ReadOnly 0x0bc "Records given to the margin machine since power-up, modulo 2^32."
    RECORDS_OUT ReadOnly 0x0c0 "Records taken from it since power-up, modulo 2^32."
    FULL_CLOCKS ReadOnly 0x0c4 "Bus clocks for which the ring out was full and a record waited."
    PUSH WriteOnly 0x100 "The push window, eight words, a record's first byte first: writing the last word gives the record to the machine."
}

/// Bytes of the push window from [`PUSH`] on.
pub const PUSH_BYTES: u16 = 32;
/// Bytes of the register space.
pub const SPACE_BYTES: u16 = 4_096;

/// What [`ID`] reads as.
pub const ID_VALUE: u32 = u32::from_le_bytes(*b"BKST");
/// What [`VERSION`] reads as.
pub const VERSION_VALUE: u32 = 1;

/// Least and greatest of [`IN_SIZE`] and [`OUT_SIZE`].
pub const RING_SIZE: core::ops::RangeInclusive<u32> = 7..=20;
/// Alignment of a ring in bytes.
pub const RING_ALIGN: u64 = 4_096;

pub const CONTROL_ENABLE: u32 = 1;
pub const CONTROL_QUIESCE: u32 = 1 << 1;
pub const CONTROL_RESET: u32 = 1 << 2;

macro_rules! status {
    ($($name:ident $bit:literal $text:literal)*) => {
        $(
            #[doc = $text]
            pub const $name: u32 = 1 << $bit;
        )*
        /// Bits of [`STATUS`] with what they say.
        pub const STATUS_BITS: &[(&str, u32, &str)] = &[$((stringify!($name), $bit, $text)),*];
    };
}

status! {
    STATUS_RESETTING 0 "A soft reset waits for outstanding transfers, or the margin machine clears its RAM."
    STATUS_DRAINED 1 "Every record fetched or pushed has been given to the machine, and IN_HEAD is IN_TAIL."
    STATUS_QUIET 2 "No transfer is outstanding on the bus."
    STATUS_READ_FAULT 3 "A read of the ring in failed: nothing more is fetched until a soft reset."
    STATUS_WRITE_FAULT 4 "A write failed: OUT_TAIL stands, nothing more is written until a soft reset."
    STATUS_INDEX_FAULT 5 "A doorbell was refused since the last soft reset."
    STATUS_PUSH_FAULT 6 "A push was refused since the last soft reset."
    STATUS_HOST_LOST 7 "The watchdog ran out: nothing is read or written until CONTROL enables the rings again."
    STATUS_OUT_FULL 8 "The ring out is full and a record waits."
}

/// The index record, 32 bytes at [`INDEX_BASE_LOW`], little endian: word 0 OUT_TAIL, 1 IN_HEAD, 2 STATUS (QUIET
/// is 0: its own write is on its way), 3 HEARTBEAT, the rest 0.
pub const INDEX_WORDS: [Register; 4] = [OUT_TAIL, IN_HEAD, STATUS, HEARTBEAT];

const _: () = {
    let mut index = 0;
    while index < REGISTERS.len() {
        assert!(REGISTERS[index].offset.is_multiple_of(4));
        assert!(index == 0 || REGISTERS[index - 1].offset < REGISTERS[index].offset);
        index += 1;
    }
    assert!(PUSH.offset.is_multiple_of(PUSH_BYTES) && PUSH.offset + PUSH_BYTES <= SPACE_BYTES);
};
