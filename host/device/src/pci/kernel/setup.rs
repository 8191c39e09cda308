//! What a server must have set up before its kernel gives a PCI function away, and what to do where it has not.
//!
//! Each is looked up in `/sys` and `/dev` first, where it can still be told apart from the others; when the function is opened, most of them
//! are the same error number.

use std::fs::{read_dir, read_link};
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

use crate::pci::PciError;

const DRIVER: &str = "vfio-pci";

/// A function that can be opened.
#[derive(Debug)]
pub struct Place {
    /// With its domain, in small letters.
    pub address: String,
    pub device: PathBuf,
    /// Number of its IOMMU group.
    pub group: String,
}

/// Where the function at `address` is, below the directory `root`.
///
/// # Errors
/// [`PciError::Setup`]: the first thing that is missing, in the order in which they are to be mended.
pub fn check(root: &Path, address: &str) -> Result<Place, PciError> {
    let address = full(address)?;
    let devices = root.join("sys/bus/pci/devices");
    let device = devices.join(&address);
    if !device.exists() {
        return Err(setup(
            format!("there is no PCI function {address} here"),
            "`lspci -D` lists what there is; a card that was configured after the boot is found by `echo 1 > /sys/bus/pci/rescan`",
        ));
    }
    let Some(group) = target(&device.join("iommu_group")) else {
        return Err(setup(
            format!("{address} is in no IOMMU group: the IOMMU is off"),
            "switch it on in the firmware (Intel: VT-d, AMD: AMD-Vi or IOMMU) and on the kernel's command line: intel_iommu=on or amd_iommu=on",
        ));
    };
    if !root.join("dev/vfio/vfio").exists() {
        return Err(no_vfio());
    }
    let driver = target(&device.join("driver"));
    if driver.as_deref() != Some(DRIVER) {
        return Err(setup(
            format!("{address} is bound to {}, not to {DRIVER}", driver.as_deref().unwrap_or("no driver")),
            &bind(&address, driver.is_some()),
        ));
    }
    for other in names(&root.join("sys/kernel/iommu_groups").join(&group).join("devices")) {
        if let Some(driver) = target(&devices.join(&other).join("driver"))
            && !shares(&driver)
        {
            return Err(setup(
                format!("{other}, of the same IOMMU group {group} as {address}, is bound to {driver}"),
                &format!("{}; or put the card into a slot with a group of its own", bind(&other, true)),
            ));
        }
    }
    Ok(Place { address, device, group })
}

/// Drivers that leave DMA of their functions to whom the group is given: bridges' own, and those that only hold a function.
fn shares(driver: &str) -> bool {
    driver.ends_with(DRIVER) || ["pcieport", "pci-stub"].contains(&driver)
}

/// The address with its domain.
fn full(address: &str) -> Result<String, PciError> {
    let whole = match address.matches(':').count() {
        1 => format!("0000:{address}"),
        _ => address.to_string(),
    };
    let is_hex = |text: &str, digits| text.len() == digits && text.chars().all(|c| c.is_ascii_hexdigit());
    let is_address = || {
        let (domain, rest) = whole.split_once(':')?;
        let (bus, rest) = rest.split_once(':')?;
        let (device, function) = rest.split_once('.')?;
        let is_function = function.len() == 1 && ("0"..="7").contains(&function);
        Some(
            (4..=8).any(|digits| is_hex(domain, digits))
                && is_hex(bus, 2)
                && is_hex(device, 2)
                && is_function,
        )
    };
    if is_address() == Some(true) {
        Ok(whole.to_ascii_lowercase())
    } else {
        Err(setup(
            format!("`{address}` is no address of a PCI function"),
            "write it as `lspci -D` does: 0000:01:00.0",
        ))
    }
}

fn bind(address: &str, is_bound: bool) -> String {
    let device = format!("/sys/bus/pci/devices/{address}");
    let unbind =
        if is_bound { format!("`echo {address} > {device}/driver/unbind`, ") } else { String::new() };
    format!(
        "as root: `modprobe {DRIVER}`, `echo {DRIVER} > {device}/driver_override`, {unbind}`echo {address} > /sys/bus/pci/drivers_probe`"
    )
}

/// Last part of where a link leads.
fn target(link: &Path) -> Option<String> {
    let leads = read_link(link).ok()?;
    Some(leads.file_name()?.to_str()?.to_string())
}

/// What is in a directory, in order; nothing if it cannot be read.
fn names(directory: &Path) -> Vec<String> {
    let entries = read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

fn setup(what: String, remedy: &str) -> PciError {
    PciError::Setup { what, remedy: remedy.to_string() }
}

fn no_vfio() -> PciError {
    setup(
        "the kernel's VFIO is not loaded: there is no /dev/vfio/vfio".into(),
        "as root: `modprobe vfio-pci`",
    )
}

/// `/dev/vfio/vfio` could not be opened.
pub fn container_refused(error: Error) -> PciError {
    match error.kind() {
        ErrorKind::NotFound => no_vfio(),
        ErrorKind::PermissionDenied => setup(
            "this user may not open /dev/vfio/vfio".into(),
            "as root: `chmod 0666 /dev/vfio/vfio`, which is how udev makes it; it gives access to no function",
        ),
        _ => PciError::Refused { operation: "opening /dev/vfio/vfio", source: error },
    }
}

/// The file of the IOMMU group could not be opened.
pub fn group_refused(error: Error, group: &str) -> PciError {
    match error.kind() {
        ErrorKind::PermissionDenied => setup(
            format!("this user may not open /dev/vfio/{group}"),
            "give it to a group of users that this one is in, by a udev rule: SUBSYSTEM==\"vfio\", GROUP=\"backstop\", MODE=\"0660\"",
        ),
        ErrorKind::ResourceBusy => setup(
            format!("another process uses IOMMU group {group}"),
            &format!("end it; `fuser -v /dev/vfio/{group}` names it"),
        ),
        ErrorKind::NotFound => setup(
            format!("there is no /dev/vfio/{group} though its function is bound to {DRIVER}"),
            "a container needs it handed in (`--device`); elsewhere udev or devtmpfs must be running",
        ),
        _ => PciError::Refused { operation: "opening the IOMMU group", source: error },
    }
}

/// The kernel holds the group for shared with a driver of its own, though no such driver was seen.
pub fn group_shared(group: &str) -> PciError {
    setup(
        format!("a function of IOMMU group {group} belongs to another driver"),
        &format!(
            "bind each of /sys/kernel/iommu_groups/{group}/devices to {DRIVER}; or put the card into a slot with a group of its own"
        ),
    )
}

pub fn no_translation() -> PciError {
    setup("the kernel's VFIO has no driver for the IOMMU".into(), "as root: `modprobe vfio_iommu_type1`")
}

pub fn no_interrupt_remapping() -> PciError {
    setup(
        "the IOMMU does not remap interrupts, so that a card could raise any".into(),
        "switch interrupt remapping on in the firmware (often with x2APIC); on a server where every card is trusted: `modprobe vfio_iommu_type1 allow_unsafe_interrupts=1`",
    )
}

pub fn no_reset(address: &str) -> PciError {
    setup(
        format!("the kernel has no way to reset {address} alone"),
        "use a PCIe core with function-level reset, or a slot whose root port has no other function below it",
    )
}

/// Bytes that this process may lock; none if there is no limit.
pub fn memory_lock_limit() -> Option<u64> {
    getrlimit(Resource::Memlock).current
}

/// Mapping `bytes` for DMA ended with an error number of the kernel.
pub fn map_refused(errno: i32, bytes: usize, limit: Option<u64>) -> PciError {
    let source = Error::from_raw_os_error(errno);
    match limit {
        Some(limit) if errno == Errno::NOMEM.raw_os_error() => setup(
            format!("{bytes} bytes for DMA exceed what this process may lock, {} KiB in all", limit >> 10),
            "raise the limit: `ulimit -l unlimited` in the shell, LimitMEMLOCK=infinity in a systemd unit",
        ),
        None if errno == Errno::NOMEM.raw_os_error() => PciError::Memory { bytes, source },
        _ => PciError::Refused { operation: "mapping memory for DMA", source },
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{create_dir_all, remove_file, write};
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    const CARD: &str = "0000:01:00.0";

    /// A server with the card in group 7, below a root port, ready to be opened.
    struct Server(TempDir);

    impl Server {
        fn new() -> Self {
            let server = Self(TempDir::new().unwrap());
            create_dir_all(server.path("dev/vfio")).unwrap();
            write(server.path("dev/vfio/vfio"), "").unwrap();
            server.add(CARD, Some("7"), Some("vfio-pci"));
            server.add("0000:00:01.0", Some("7"), Some("pcieport"));
            server
        }

        fn path(&self, path: &str) -> PathBuf {
            self.0.path().join(path)
        }

        fn add(&self, address: &str, group: Option<&str>, driver: Option<&str>) {
            let device = self.path("sys/bus/pci/devices").join(address);
            create_dir_all(&device).unwrap();
            if let Some(driver) = driver {
                symlink(format!("../../../../bus/pci/drivers/{driver}"), device.join("driver")).unwrap();
            }
            if let Some(group) = group {
                symlink(format!("../../../../kernel/iommu_groups/{group}"), device.join("iommu_group"))
                    .unwrap();
                let members = self.path("sys/kernel/iommu_groups").join(group).join("devices");
                create_dir_all(&members).unwrap();
                symlink(&device, members.join(address)).unwrap();
            }
        }

        fn bind(&self, driver: Option<&str>) {
            let link = self.path("sys/bus/pci/devices").join(CARD).join("driver");
            remove_file(&link).unwrap();
            if let Some(driver) = driver {
                symlink(format!("../../../../bus/pci/drivers/{driver}"), link).unwrap();
            }
        }

        fn refusal(&self) -> (String, String) {
            parts(check(self.0.path(), CARD).unwrap_err())
        }
    }

    fn parts(error: PciError) -> (String, String) {
        let PciError::Setup { what, remedy } = error else { panic!("not a matter of setup: {error}") };
        (what, remedy)
    }

    #[test]
    fn a_card_that_is_ready_is_found_with_and_without_its_domain() {
        let server = Server::new();
        for address in [CARD, "01:00.0"] {
            let place = check(server.0.path(), address).unwrap();
            assert_eq!((place.address.as_str(), place.group.as_str()), (CARD, "7"));
            assert_eq!(place.device, server.path("sys/bus/pci/devices/0000:01:00.0"));
        }
        server.add("10000:E1:00.0".to_lowercase().as_str(), Some("9"), Some("vfio-pci"));
        assert_eq!(check(server.0.path(), "10000:E1:00.0").unwrap().address, "10000:e1:00.0");
    }

    #[test]
    fn what_is_no_address_is_told() {
        let server = Server::new();
        for address in [
            "",
            "01:00",
            "0000:01:00.8",
            "0000:01:0.0",
            "0000:g1:00.0",
            "../../etc:01.0",
            "0:0:0:0.0",
            "01:00.00",
        ] {
            let (what, remedy) = parts(check(server.0.path(), address).unwrap_err());
            assert_eq!(what, format!("`{address}` is no address of a PCI function"));
            assert!(remedy.contains("lspci -D"));
        }
    }

    #[test]
    fn a_card_that_is_not_there_is_told() {
        let error = check(Server::new().0.path(), "02:00.0").unwrap_err();
        let (what, remedy) = parts(error);
        assert_eq!(what, "there is no PCI function 0000:02:00.0 here");
        assert!(remedy.contains("/sys/bus/pci/rescan"));
    }

    #[test]
    fn an_iommu_that_is_off_is_told_before_the_driver() {
        let server = Server::new();
        remove_file(server.path("sys/bus/pci/devices").join(CARD).join("iommu_group")).unwrap();
        server.bind(None);
        let (what, remedy) = server.refusal();
        assert!(what.contains("the IOMMU is off"), "{what}");
        assert!(remedy.contains("intel_iommu=on") && remedy.contains("VT-d"), "{remedy}");
    }

    #[test]
    fn vfio_that_is_not_loaded_is_told() {
        let server = Server::new();
        remove_file(server.path("dev/vfio/vfio")).unwrap();
        let (what, remedy) = server.refusal();
        assert!(what.contains("/dev/vfio/vfio") && remedy.contains("modprobe vfio-pci"), "{what}; {remedy}");
    }

    #[test]
    fn another_driver_is_named_with_how_to_bind() {
        let server = Server::new();
        server.bind(Some("xdma"));
        let (what, remedy) = server.refusal();
        assert_eq!(what, "0000:01:00.0 is bound to xdma, not to vfio-pci");
        for command in [
            "echo vfio-pci > /sys/bus/pci/devices/0000:01:00.0/driver_override",
            "echo 0000:01:00.0 > /sys/bus/pci/devices/0000:01:00.0/driver/unbind",
            "echo 0000:01:00.0 > /sys/bus/pci/drivers_probe",
        ] {
            assert!(remedy.contains(command), "{remedy}");
        }
        server.bind(Some("vfio-pci"));
        check(server.0.path(), CARD).unwrap();
        server.bind(None);
        let (what, remedy) = server.refusal();
        assert!(what.contains("bound to no driver") && !remedy.contains("unbind"), "{what}; {remedy}");
    }

    #[test]
    fn a_group_is_shared_with_held_functions_and_with_no_other() {
        let server = Server::new();
        server.add("0000:01:00.2", Some("7"), None);
        server.add("0000:01:00.3", Some("7"), Some("pci-stub"));
        server.add("0000:02:00.0", Some("8"), Some("nvme"));
        check(server.0.path(), CARD).unwrap();
        server.add("0000:01:00.1", Some("7"), Some("snd_hda_intel"));
        let (what, remedy) = server.refusal();
        assert_eq!(
            what,
            "0000:01:00.1, of the same IOMMU group 7 as 0000:01:00.0, is bound to snd_hda_intel"
        );
        assert!(
            remedy.contains("echo 0000:01:00.1 > /sys/bus/pci/devices/0000:01:00.1/driver/unbind"),
            "{remedy}"
        );
    }

    #[test]
    fn files_that_cannot_be_opened_are_told_apart() {
        let (what, remedy) = parts(group_refused(Errno::ACCESS.into(), "7"));
        assert!(what.contains("/dev/vfio/7") && remedy.contains("udev"), "{what}; {remedy}");
        let (what, _) = parts(group_refused(Errno::BUSY.into(), "7"));
        assert!(what.contains("another process"), "{what}");
        let (_, remedy) = parts(container_refused(Errno::NOENT.into()));
        assert!(remedy.contains("modprobe vfio-pci"), "{remedy}");
        assert!(matches!(group_refused(Errno::MFILE.into(), "7"), PciError::Refused { .. }));
    }

    #[test]
    fn the_page_for_who_sets_a_server_up_has_every_message() {
        const PAGE: &str = include_str!("../../../../../docs/bring-up.md");
        let server = Server::new();
        let refusal = |address: &str| parts(check(server.0.path(), address).unwrap_err()).0;
        let mut said = vec![refusal("01:00"), refusal("0000:02:00.0")];
        server.add("0000:01:00.1", Some("7"), Some("snd_hda_intel"));
        said.push(refusal(CARD));
        server.bind(Some("xdma"));
        said.push(refusal(CARD));
        remove_file(server.path("dev/vfio/vfio")).unwrap();
        said.push(refusal(CARD));
        remove_file(server.path("sys/bus/pci/devices").join(CARD).join("iommu_group")).unwrap();
        said.push(refusal(CARD));
        let opening = [
            container_refused(Errno::ACCESS.into()),
            group_refused(Errno::ACCESS.into(), "7"),
            group_refused(Errno::BUSY.into(), "7"),
            group_refused(Errno::NOENT.into(), "7"),
            group_shared("7"),
            no_translation(),
            no_interrupt_remapping(),
            no_reset(CARD),
            map_refused(Errno::NOMEM.raw_os_error(), 2 << 20, Some(8 << 20)),
        ];
        said.extend(opening.map(|error| parts(error).0));
        assert_eq!(said.iter().collect::<std::collections::BTreeSet<_>>().len(), 15);
        for what in said {
            assert!(PAGE.contains(&format!("| {what} |")), "docs/bring-up.md has no line for: {what}");
        }
    }

    #[test]
    fn memory_beyond_the_limit_is_told_apart_from_memory_that_is_not_there() {
        let no_memory = Errno::NOMEM.raw_os_error();
        let (what, remedy) = parts(map_refused(no_memory, 2 << 20, Some(64 << 10)));
        assert_eq!(what, "2097152 bytes for DMA exceed what this process may lock, 64 KiB in all");
        assert!(remedy.contains("LimitMEMLOCK=infinity") && remedy.contains("ulimit -l"), "{remedy}");
        assert!(matches!(map_refused(no_memory, 1, None), PciError::Memory { bytes: 1, .. }));
        let overlapping = map_refused(Errno::EXIST.raw_os_error(), 1, Some(0));
        assert!(matches!(overlapping, PciError::Refused { .. }), "{overlapping}");
    }
}
