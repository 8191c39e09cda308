//! Where margin is judged, as people name it, and the way there.

use std::fmt::{self, Display};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use device::pci::PciDevice;
use device::pci::kernel::KernelVfio;
use device::pci::vfio_user::UserVfio;
use device::{RingConfig, RingDevice};

/// How long a function behind a socket or in this process, which is a simulation, may owe an answer.
const PATIENCE_SIMULATED: Duration = Duration::from_secs(60);

/// A device, as in `--device`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DeviceKind {
    /// The model, on this machine's processor.
    Cpu,
    /// The fast machine, on this machine's processor.
    CpuFast,
    /// The emitted gateware, simulated by Verilator, without its PCIe side.
    #[cfg(feature = "sim")]
    Sim,
    /// The same with its PCIe side, behind the driver of a card.
    #[cfg(feature = "sim")]
    SimPcie,
    /// A PCI function that a vfio-user server offers at a socket.
    User(PathBuf),
    /// A PCI function of this machine, by its address, through the kernel's VFIO.
    Vfio(String),
}

impl DeviceKind {
    pub const DEFAULT: &'static str = "cpu";

    /// The device to compare with, if the build has one.
    pub fn other(&self) -> Option<Self> {
        match self {
            #[cfg(feature = "sim")]
            Self::Cpu => Some(Self::Sim),
            #[cfg(not(feature = "sim"))]
            Self::Cpu => None,
            _ => Some(Self::Cpu),
        }
    }

    /// True for a machine that is a part of this program, and has no signals to trace.
    pub fn is_cpu(&self) -> bool {
        matches!(self, Self::Cpu | Self::CpuFast)
    }

    pub fn words(&self) -> String {
        match self {
            Self::Cpu => "cpu: the model".into(),
            Self::CpuFast => "cpu-fast: the fast machine".into(),
            #[cfg(feature = "sim")]
            Self::Sim => "sim: gateware under Verilator".into(),
            #[cfg(feature = "sim")]
            Self::SimPcie => "sim-pcie: gateware with its PCIe side under Verilator".into(),
            Self::User(path) => format!("user: vfio-user server at {}", path.display()),
            Self::Vfio(address) => format!("vfio: PCI function {address}"),
        }
    }

    /// Polls without progress after which it is given up: a device in this process goes on by thousands of clocks in each; a function has a
    /// deadline of its own.
    pub fn polls_max(&self) -> u32 {
        match self {
            Self::Cpu | Self::CpuFast => 1 << 12,
            #[cfg(feature = "sim")]
            Self::Sim => 1 << 12,
            _ => u32::MAX,
        }
    }

    /// The PCI function behind it; none for a device that is not one.
    ///
    /// # Errors
    /// If it cannot be reached, or so many lanes are not built.
    pub fn open_pci(&self, lanes: usize) -> anyhow::Result<Option<Box<dyn PciDevice>>> {
        let _ = lanes; // a function that is served has the lanes it has
        Ok(match self {
            Self::Cpu | Self::CpuFast => None,
            #[cfg(feature = "sim")]
            Self::Sim => None,
            #[cfg(feature = "sim")]
            Self::SimPcie => {
                let build = device::sim::Build::Production;
                Some(Box::new(device::pci::simulated::InProcess::new(build, lanes, None)?))
            }
            Self::User(path) => Some(Box::new(UserVfio::connect(path, PATIENCE_SIMULATED)?)),
            Self::Vfio(address) => Some(Box::new(KernelVfio::open(address)?)),
        })
    }

    /// The rings' configuration that suits the way there; `deadline` if it is to be another.
    pub fn ring_config(&self, deadline: Option<Duration>) -> RingConfig {
        let usual = match self {
            Self::Vfio(_) => RingConfig::default().deadline,
            _ => PATIENCE_SIMULATED,
        };
        RingConfig { deadline: deadline.unwrap_or(usual), ..RingConfig::default() }
    }

    /// The function behind the ring driver; none for a device that is no PCI function.
    ///
    /// # Errors
    /// As [`DeviceKind::open_pci`]; or if it is not ours, or does not come up.
    pub fn open_rings(
        &self,
        lanes: usize,
        deadline: Option<Duration>,
    ) -> anyhow::Result<Option<RingDevice<Box<dyn PciDevice>>>> {
        let Some(pci) = self.open_pci(lanes)? else { return Ok(None) };
        Ok(Some(RingDevice::attach(pci, self.ring_config(deadline))?))
    }
}

impl Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::CpuFast => f.write_str("cpu-fast"),
            #[cfg(feature = "sim")]
            Self::Sim => f.write_str("sim"),
            #[cfg(feature = "sim")]
            Self::SimPcie => f.write_str("sim-pcie"),
            Self::User(path) => write!(f, "user:{}", path.display()),
            Self::Vfio(address) => write!(f, "vfio:{address}"),
        }
    }
}

impl FromStr for DeviceKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cpu-fast" => Ok(Self::CpuFast),
            #[cfg(feature = "sim")]
            None if text == "sim" => Ok(Self::Sim),
            #[cfg(feature = "sim")]
            None if text == "sim-pcie" => Ok(Self::SimPcie),
            #[cfg(not(feature = "sim"))]
            None if text.starts_with("sim") => {
                Err("this build has no simulated gateware; build with the feature `sim`".into())
            }
            Some(("user", path)) if !path.is_empty() => Ok(Self::User(path.into())),
            Some(("vfio", address)) if !address.is_empty() => Ok(Self::Vfio(address.into())),
            _ => Err("a device is cpu, cpu-fast, sim, sim-pcie, user:SOCKET or vfio:BDF".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_read_as_it_is_written() {
        let mut texts = vec!["cpu", "cpu-fast", "user:/run/backstop/device", "vfio:0000:01:00.0"];
        if cfg!(feature = "sim") {
            texts.extend(["sim", "sim-pcie"]);
        }
        for text in texts {
            assert_eq!(text.parse::<DeviceKind>().unwrap().to_string(), text);
        }
        for text in ["", "fpga", "user:", "user", "cpu:1", "vfio:"] {
            assert!(text.parse::<DeviceKind>().unwrap_err().contains("user:SOCKET"), "{text}");
        }
    }
}
