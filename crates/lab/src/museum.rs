//! The museum: incidents that broke a protocol, each twice. Once as it was, on a small model of the rules that broke, which has to lose
//! what was lost; once under the clearing core, where whoever attacked may choose anew.

pub mod exhibit;
pub mod stage;
pub mod spot;
pub mod search;
mod exhibits;

pub use exhibit::{Exhibit, Figure, Held, Incident, IndexCourse, Knob, Reenacted, Shown};
pub use exhibits::ALL;
