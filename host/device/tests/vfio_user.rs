//! What the server makes of clients that are wrong, hostile or gone, and the client of such servers.
#![cfg(feature = "sim")]

mod socket;

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use device::pci::vfio_user::UserVfio;
use device::pci::{DmaMemory, PciDevice, PciError};
use device::ring::{RingConfig, RingDevice};
use device::{DeviceError, MarginDevice};
use model::record::{self, Record, input, output};
use model::register;
use socket::*;

const EINVAL: u32 = 22;
const EIO: u32 = 5;
const EEXIST: u32 = 17;
const EOPNOTSUPP: u32 = 95;
const PAGE: u64 = 4_096;

/// A driver attaches, is answered, and leaves.
fn assert_usable(serving: &Serving) {
    let config = RingConfig { size_log: 7, deadline: PATIENCE, ..RingConfig::default() };
    let mut device = RingDevice::attach(serving.connect(), config).unwrap();
    let sent = [Record::new(&input::RESYNC, 0), Record::new(&input::FENCE, 1).with(&record::TOKEN, 77)];
    assert_eq!(device.submit(&sent), 2);
    let mut answers = [Record::default(); 2];
    let mut came = 0;
    while came < 2 {
        came += device.poll(&mut answers[came..]);
        device.check().unwrap();
    }
    assert_eq!(answers.map(|answer| answer.op()), [output::RESYNC_ECHO.op, output::FENCE_ECHO.op]);
}

#[test]
fn every_bad_message_is_an_error_to_its_sender_and_changes_nothing() {
    let serving = Serving::start();
    let mut client = serving.raw();
    assert_eq!(client.ask(VERSION, b"\0\0\x01\0{}\0", &[]).error, None);
    let memory = DmaMemory::new(2 * PAGE as usize).unwrap();
    let map = |offset, address, size, flags| body(false, &[offset, address, size], &[32, flags]);
    assert_eq!(client.ask(DMA_MAP, &map(0, 0x10_0000, PAGE, 3), &[memory.file()]).error, None);
    let before = client.state();

    let (pipe, device) = (std::io::pipe().unwrap(), std::fs::File::open("/dev/null").unwrap());
    let access = |offset, region, count| body(true, &[offset], &[region, count]);
    let write =
        |offset, region, data: &[u8]| [access(offset, region, data.len() as u32), data.to_vec()].concat();
    let irqs = |flags, index, start, count| body(false, &[], &[20, flags, index, start, count]);
    let words = |words: &[u32]| body(false, &[], words);
    let (pipe, device) = ([pipe.0.as_fd()], [device.as_fd()]);
    let one = [memory.file()];
    let two = [memory.file(), memory.file()];
    let cases: Vec<(u16, Vec<u8>, &[std::os::fd::BorrowedFd], u32)> = vec![
        // Commands that are none, or none of ours.
        (0, vec![], &[], EOPNOTSUPP),
        (6, vec![0; 16], &[], EOPNOTSUPP),
        (11, vec![0; 16], &[], EOPNOTSUPP),
        (14, vec![0; 16], &[], EOPNOTSUPP),
        (u16::MAX, vec![], &[], EOPNOTSUPP),
        (VERSION, vec![], &[], EINVAL),
        (VERSION, vec![7, 0, 0, 0], &[], EOPNOTSUPP),
        // Short bodies.
        (DMA_MAP, vec![0; 31], &one, EINVAL),
        (DMA_UNMAP, vec![0; 23], &[], EINVAL),
        (GET_INFO, vec![0; 15], &[], EINVAL),
        (GET_REGION_INFO, vec![0; 3], &[], EINVAL),
        (GET_IRQ_INFO, vec![0; 3], &[], EINVAL),
        (SET_IRQS, vec![0; 19], &[], EINVAL),
        (REGION_READ, vec![0; 15], &[], EINVAL),
        (REGION_WRITE, vec![0; 15], &[], EINVAL),
        // What is not there.
        (GET_REGION_INFO, body(false, &[0, 0], &[32, 0, 9, 0]), &[], EINVAL),
        (GET_IRQ_INFO, words(&[16, 0, 5, 0]), &[], EINVAL),
        (REGION_READ, access(0, 1, 4), &[], EINVAL),
        (REGION_READ, access(0, 9, 4), &[], EINVAL),
        (REGION_READ, access(0, u32::MAX, 4), &[], EINVAL),
        (REGION_READ, access(4_096, BAR0, 4), &[], EINVAL),
        (REGION_READ, access(u64::MAX, BAR0, 4), &[], EINVAL),
        (REGION_READ, access(u64::MAX - 3, BAR0, 4), &[], EINVAL),
        (REGION_READ, access(253, CONFIG, 4), &[], EINVAL),
        (REGION_READ, access(0, CONFIG, u32::MAX), &[], EINVAL),
        (REGION_READ, access(0, CONFIG, 0), &[], EINVAL),
        (REGION_WRITE, write(254, CONFIG, &[0xff; 4]), &[], EINVAL),
        // Accesses of another size or alignment than a register's.
        (REGION_READ, access(2, BAR0, 4), &[], EINVAL),
        (REGION_READ, access(0, BAR0, 2), &[], EINVAL),
        (REGION_READ, access(0, BAR0, 8), &[], EINVAL),
        (REGION_WRITE, write(0x28, BAR0, &[1]), &[], EINVAL),
        (REGION_WRITE, write(0x29, BAR0, &[1; 4]), &[], EINVAL),
        (REGION_WRITE, [access(0x28, BAR0, 4), vec![1; 3]].concat(), &[], EINVAL),
        (REGION_WRITE, [access(0x28, BAR0, 4), vec![1; 5]].concat(), &[], EINVAL),
        // Maps.
        (DMA_MAP, map(0, 0x20_0000, 0, 3), &one, EINVAL),
        (DMA_MAP, map(0, 0x20_0001, PAGE, 3), &one, EINVAL),
        (DMA_MAP, map(0, 0x20_0000, PAGE, 4), &one, EINVAL),
        (DMA_MAP, map(0, u64::MAX - PAGE + 1, 2 * PAGE, 3), &one, EINVAL),
        (DMA_MAP, map(2 * PAGE, 0x20_0000, PAGE, 3), &one, EINVAL),
        (DMA_MAP, map(0, 0x20_0000, PAGE, 3), &two, EINVAL),
        (DMA_MAP, map(0, 0x20_0000, PAGE, 3), &pipe, EINVAL),
        (DMA_MAP, map(0, 0x20_0000, PAGE, 3), &device, EINVAL),
        (DMA_MAP, map(0, 0x10_0000, PAGE, 3), &one, EEXIST),
        (DMA_UNMAP, body(false, &[0x0f_f000, PAGE + 1], &[24, 0]), &[], EINVAL),
        (DMA_UNMAP, body(false, &[u64::MAX, 2], &[24, 0]), &[], EINVAL),
        (DMA_UNMAP, body(false, &[0x10_0000, PAGE], &[24, 1]), &[], EINVAL),
        (DMA_UNMAP, body(false, &[0x10_0000, PAGE], &[24, 2]), &[], EINVAL),
        // Interrupts.
        (SET_IRQS, irqs(0x24, 5, 0, 1), &one, EINVAL),
        (SET_IRQS, irqs(0x24, 2, 0, 2), &two, EINVAL),
        (SET_IRQS, irqs(0x24, 2, 1, 1), &one, EINVAL),
        (SET_IRQS, irqs(0x24, 2, u32::MAX, 1), &one, EINVAL),
        (SET_IRQS, irqs(0x24, 0, 0, 1), &one, EINVAL),
        (SET_IRQS, irqs(0x22, 2, 0, 1), &[], EINVAL),
        (SET_IRQS, irqs(0xffff_ffff, 2, 0, 1), &[], EINVAL),
        (SET_IRQS, irqs(0x21, 2, 0, 1), &[], EOPNOTSUPP),
        (SET_IRQS, irqs(0x09, 2, 0, 1), &[], EOPNOTSUPP),
    ];
    let count = cases.len() as u64;
    for (command, body, fds, errno) in cases {
        let reply = client.ask(command, &body, fds);
        assert_eq!((reply.error, reply.body.len()), (Some(errno), 0), "command {command}, {body:02x?}");
    }
    // A reply is no command.
    let id = client.send(REGION_READ, 1, &access(0, BAR0, 4), &[]);
    assert_eq!(client.reply().unwrap(), Reply { id, error: Some(EINVAL), body: vec![] });
    // Nobody is told of a posted write that is refused; nothing changes by it either.
    client.send(REGION_WRITE, 1 << 4, &write(0x29, BAR0, &[1; 4]), &[]);
    assert_eq!(client.state(), before);
    // The gateware's own refusals are counted by the gateware.
    assert_eq!(client.ask(REGION_READ, &access(0xe00, BAR0, 4), &[]).error, Some(EIO));
    assert_eq!(client.ask(REGION_WRITE, &write(0, BAR0, &[1; 4]), &[]).error, Some(EIO));
    drop(client);
    assert_usable(&serving);
    assert_eq!(serving.end().refused, count + 4);
}

#[test]
fn a_length_that_cannot_be_ends_the_connection_and_no_more() {
    let serving = Serving::start();
    for bytes in [0u32, 15, (64 << 10) + 1, u32::MAX] {
        let mut client = serving.raw();
        let mut message = message(1, GET_INFO, 0, &[0; 16]);
        message[4..8].copy_from_slice(&bytes.to_le_bytes());
        client.stream.write_all(&message).unwrap();
        assert_eq!(client.reply(), None, "{bytes}");
    }
    assert_usable(&serving);
    serving.end();
}

#[test]
fn a_client_that_is_gone_at_any_byte_leaves_the_server_usable_and_nothing_behind() {
    let serving = Serving::start();
    let memory = DmaMemory::new(PAGE as usize).unwrap();
    let before = serving.raw().state();
    let map = message(1, DMA_MAP, 0, &body(false, &[0, 0x10_0000, PAGE], &[32, 3]));
    let write = message(2, REGION_WRITE, 0, &[body(true, &[4], &[CONFIG, 2]), vec![6, 0]].concat());
    for end in 0..write.len() {
        let mut client = serving.raw();
        let reply = client.ask(DMA_MAP, &map[16..], &[memory.file()]);
        assert_eq!(reply.error, None, "the last client's map is gone");
        client.stream.write_all(&write).unwrap();
        client.stream.write_all(&write[..end]).unwrap();
        // Gone without reading a reply.
        drop(client);
    }
    assert_eq!(serving.raw().state(), before);
    assert_usable(&serving);
    serving.end();
}

#[test]
fn a_second_client_waits_for_the_first() {
    let serving = Serving::start();
    let first = serving.connect();
    let error = UserVfio::connect(&serving.path, Duration::from_millis(300)).err().unwrap();
    assert!(matches!(error, PciError::Deadline { .. }), "{error}");
    drop(first);
    assert_usable(&serving);
    serving.end();
}

/// A million messages, most of them broken somewhere: each is answered once, in order, and the server goes on.
#[test]
fn a_million_messages_of_noise_are_answered_one_by_one() {
    const MESSAGES: u64 = 1_000_000;
    /// On their way at a time.
    const WINDOW: usize = 256;
    let serving = Serving::start();
    let mut dice = Dice(0x1234_5678_9abc_def1);
    let memory = DmaMemory::new(16 * PAGE as usize).unwrap();
    let (mut sent, mut answered, mut errors, mut clients) = (0u64, 0u64, 0u64, 0u64);
    while sent < MESSAGES {
        clients += 1;
        let mut client = serving.raw();
        for _ in 0..8 {
            let mut due = std::collections::VecDeque::new();
            for _ in 0..WINDOW {
                let (command, flags, body) = noise(&mut dice);
                let with_fd = dice.below(8) == 0;
                let fds = if with_fd { &[memory.file()][..] } else { &[] };
                let id = client.send(command, flags, &body, fds);
                sent += 1;
                if flags & 1 << 4 == 0 {
                    due.push_back(id);
                }
            }
            for id in due {
                let reply = client.reply().expect("noise does not end the connection");
                assert_eq!(reply.id, id);
                answered += 1;
                errors += u64::from(reply.error.is_some());
            }
        }
        // Now and then a length that cannot be, or a message cut short, ends it.
        match dice.below(4) {
            0 => client.stream.write_all(&[0xff; 16]).unwrap(),
            1 => client.stream.write_all(&message(9, GET_INFO, 0, &[0; 16])[..20]).unwrap(),
            _ => {}
        }
    }
    assert_usable(&serving);
    let served = serving.end();
    println!("{sent} messages of {clients} clients, {answered} answered, {errors} with an error");
    assert!(served.messages >= sent && errors > sent / 4 && answered - errors > sent / 16);
}

struct Dice(u64);

impl Dice {
    fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }

    /// A number that is often at an edge.
    fn number(&mut self) -> u64 {
        match self.below(6) {
            0 => self.draw(),
            1 => u64::MAX - self.below(8),
            2 => PAGE * self.below(64),
            _ => self.below(64) * 4,
        }
    }
}

/// A message that is right but for what the dice made of it.
fn noise(dice: &mut Dice) -> (u16, u32, Vec<u8>) {
    let commands = [VERSION, DMA_MAP, DMA_MAP, DMA_UNMAP, GET_INFO, GET_REGION_INFO, GET_IRQ_INFO, SET_IRQS];
    let command = match dice.below(16) {
        0 => dice.draw() as u16,
        // A reset clears all RAM and takes its time.
        1 if dice.below(64) == 0 => RESET,
        2..=4 => REGION_READ,
        5..=7 => REGION_WRITE,
        _ => commands[dice.below(commands.len() as u64) as usize],
    };
    let mut body = match command {
        DMA_MAP => body(false, &[0, PAGE * dice.below(64), PAGE * (1 + dice.below(4))], &[32, 3]),
        DMA_UNMAP => body(false, &[PAGE * dice.below(64), PAGE * (1 + dice.below(8))], &[24, 0]),
        SET_IRQS => body(false, &[], &[20, 0x24, 2, 0, dice.below(2) as u32]),
        REGION_READ | REGION_WRITE => {
            let region = [BAR0, CONFIG, 2][dice.below(3) as usize];
            let mut body = body(true, &[4 * dice.below(80)], &[region, 4]);
            if command == REGION_WRITE {
                body.extend((dice.number() as u32).to_le_bytes());
            }
            body
        }
        _ => body(false, &[], &[16, 0, dice.below(10) as u32, 0, 0, 0, 0, 0]),
    };
    match dice.below(8) {
        0 => body.truncate(dice.below(1 + body.len() as u64) as usize),
        1 => body.extend(vec![dice.draw() as u8; dice.below(64) as usize]),
        2 | 3 if body.len() >= 8 => {
            let at = 4 * dice.below(body.len() as u64 / 4 - 1) as usize;
            let value = dice.number().to_le_bytes();
            body[at..at + 8].copy_from_slice(&value);
        }
        _ => {}
    }
    let flags = match dice.below(16) {
        0 => 1 << 4,
        1 => dice.below(16) as u32,
        _ => 0,
    };
    (command, flags, body)
}

/// A server that answers with whatever it is told to, or not at all.
fn impostor(
    reply: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static,
) -> (tempfile::TempDir, std::path::PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("device");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _): (UnixStream, _) = listener.accept().unwrap();
        let mut message = vec![0; 1 << 16];
        while let Ok(bytes @ 1..) = stream.read(&mut message) {
            if let Some(reply) = reply(&message[..bytes])
                && stream.write_all(&reply).is_err()
            {
                return;
            }
        }
    });
    (directory, path)
}

#[test]
fn no_request_of_the_client_waits_beyond_its_deadline() {
    let (_directory, path) = impostor(|_| None);
    let started = Instant::now();
    let error = UserVfio::connect(&path, Duration::from_millis(200)).err().unwrap();
    assert!(matches!(error, PciError::Deadline { .. }) && error.is_loss(), "{error}");
    assert!(started.elapsed() < PATIENCE);
}

#[test]
fn an_answer_to_something_else_is_a_loss() {
    type Reply = fn(&[u8]) -> Option<Vec<u8>>;
    let replies: [Reply; 5] = [
        |asked| Some(message(u16::from_le_bytes([asked[0], asked[1]]) + 1, VERSION, 1, &[0; 8])),
        |asked| Some(message(u16::from_le_bytes([asked[0], asked[1]]), GET_INFO, 1, &[0; 8])),
        |asked| Some(message(u16::from_le_bytes([asked[0], asked[1]]), VERSION, 0, &[0; 8])),
        |asked| Some(message(u16::from_le_bytes([asked[0], asked[1]]), VERSION, 1, &[])),
        |_| Some(vec![0xff; 64]),
    ];
    for (place, reply) in replies.into_iter().enumerate() {
        let (_directory, path) = impostor(reply);
        let error = UserVfio::connect(&path, PATIENCE).err().unwrap();
        assert!(matches!(error, PciError::Protocol { .. }) && error.is_loss(), "{place}: {error}");
    }
}

#[test]
fn a_server_that_ends_is_a_loss_and_a_reset_finds_the_next_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("device");
    let serving = Serving::start_at(path.clone());
    let config = RingConfig { size_log: 7, deadline: PATIENCE, ..RingConfig::default() };
    let mut device = RingDevice::attach(serving.connect(), config).unwrap();
    serving.end();
    let fence = [Record::new(&input::RESYNC, 0)];
    let error = loop {
        device.submit(&fence);
        if let Err(error) = device.check() {
            break error;
        }
    };
    assert!(matches!(error, DeviceError::Lost { .. }), "{error}");
    assert_eq!((device.submit(&fence), device.poll(&mut [Record::default()])), (0, 0), "it stays lost");
    let error = device.pci_mut().read32(register::ID.offset.into()).unwrap_err();
    assert!(error.is_loss(), "{error}");
    assert!(!path.exists());
    device.reset();
    assert!(device.check().unwrap_err().to_string().contains("no vfio-user server answers"));
    let serving = Serving::start_at(path);
    device.reset();
    device.check().unwrap();
    assert_eq!(device.submit(&[Record::new(&input::RESYNC, 0)]), 1);
    let mut echo = [Record::default()];
    while device.poll(&mut echo) == 0 {
        device.check().unwrap();
    }
    assert_eq!(echo[0].op(), output::RESYNC_ECHO.op);
    drop(device);
    serving.end();
}
