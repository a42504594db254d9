//! Curves as SVG: both axes by powers of ten, in light or dark as the reader's system is.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 76.0;
/// Where the curves end and their names begin.
const RIGHT: f64 = 520.0;
const TOP: f64 = 20.0;
const BOTTOM: f64 = 360.0;
/// The least distance of two names.
const LINE: f64 = 16.0;

const STYLE: &str = "\
    svg { --ink: #1f2328; --grid: #d1d9e0; --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; --c4: #bf3989; --c5: #9a6700; --c6: #57606a; } \
    @media (prefers-color-scheme: dark) { svg { --ink: #e6edf3; --grid: #3d444d; \
    --c0: #58a6ff; --c1: #f0883e; --c2: #3fb950; --c3: #bc8cff; --c4: #f778ba; --c5: #d29922; --c6: #9198a1; } } \
    text { font: 13px system-ui, sans-serif; fill: var(--ink); } .grid { stroke: var(--grid); } \
    .curve { fill: none; stroke: var(--own); stroke-width: 2; } .name { fill: var(--own); }";
/// Curves that can be told apart.
const COLOURS: usize = 7;

/// What one curve shows.
pub(crate) struct Curve {
    pub(crate) name: String,
    /// From left to right.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Some curves, and what their axes are.
pub(crate) struct Picture<'a> {
    pub(crate) title: &'a str,
    pub(crate) across: &'a str,
    pub(crate) up: &'a str,
    pub(crate) curves: &'a [Curve],
}

/// Powers of ten from the one below the least to the one above the greatest.
struct Axis {
    from: f64,
    to: f64,
    /// Where they lie in the picture.
    places: [f64; 2],
}

impl Axis {
    fn of(figures: impl Iterator<Item = f64>, places: [f64; 2]) -> Self {
        let (least, most) = figures.fold((f64::MAX, f64::MIN), |(least, most), at| (least.min(at), most.max(at)));
        let from = least.log10().floor();
        Self { from, to: most.log10().ceil().max(from + 1.0), places }
    }

    fn place(&self, figure: f64) -> f64 {
        let [begin, end] = self.places;
        begin + (figure.log10() - self.from) / (self.to - self.from) * (end - begin)
    }

    fn powers(&self) -> impl Iterator<Item = f64> {
        let count = (self.to - self.from) as u32;
        let from = self.from;
        (0..=count).map(move |step| 10_f64.powf(from + f64::from(step)))
    }
}

impl Picture<'_> {
    /// The file.
    pub(crate) fn svg(&self) -> String {
        let points = || self.curves.iter().flat_map(|curve| &curve.points);
        let across = Axis::of(points().map(|(x, _)| *x), [LEFT, RIGHT]);
        let up = Axis::of(points().map(|(_, y)| *y), [BOTTOM, TOP]);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"title told\">\n\
             <title id=\"title\">{}</title>\n<desc id=\"told\">{}</desc>\n<style>{STYLE}</style>\n",
            self.title,
            self.told()
        );
        for power in across.powers() {
            let x = across.place(power);
            let _ = write!(svg, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{BOTTOM}\"/>");
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                BOTTOM + 20.0,
                short(power)
            );
        }
        for power in up.powers() {
            let y = up.place(power);
            let _ = write!(svg, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>");
            let _ = writeln!(
                svg,
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                short(power)
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n<text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            f64::midpoint(LEFT, RIGHT),
            HEIGHT - 14.0,
            self.across,
            f64::midpoint(TOP, BOTTOM),
            self.up
        );
        for (colour, curve) in self.curves.iter().enumerate() {
            let path: Vec<String> =
                curve.points.iter().map(|(x, y)| format!("{:.1} {:.1}", across.place(*x), up.place(*y))).collect();
            let _ = writeln!(
                svg,
                "<path class=\"curve\" style=\"--own: var(--c{})\" d=\"M{}\"/>",
                colour % COLOURS,
                path.join("L")
            );
        }
        for (colour, y) in self.names(&up) {
            let name = self.curves.get(colour).map_or("", |curve| &curve.name);
            let _ = writeln!(
                svg,
                "<text class=\"name\" style=\"--own: var(--c{})\" x=\"{}\" y=\"{:.1}\">{name}</text>",
                colour % COLOURS,
                RIGHT + 8.0,
                y + 4.0
            );
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// Where each curve's name stands: beside its end, and none upon another.
    fn names(&self, up: &Axis) -> Vec<(usize, f64)> {
        let end = |curve: &Curve| curve.points.last().map_or(BOTTOM, |(_, y)| up.place(*y));
        let mut names: Vec<(usize, f64)> = self.curves.iter().map(end).enumerate().collect();
        names.sort_by(|(_, one), (_, other)| one.total_cmp(other));
        let mut above = f64::MIN;
        for (_, y) in &mut names {
            *y = y.max(above + LINE);
            above = *y;
        }
        names
    }

    /// The figures in words, for whoever does not see the picture.
    fn told(&self) -> String {
        let mut told = format!("In {}, by {}.", self.up, self.across);
        for curve in self.curves {
            let points: Vec<String> = curve.points.iter().map(|(x, y)| format!("{y:.1} at {x}")).collect();
            let _ = write!(told, " {}: {}.", curve.name, points.join(", "));
        }
        told
    }
}

/// A power of ten as people write it.
fn short(power: f64) -> String {
    let (figure, unit) = match power {
        1e9.. => (power / 1e9, "G"),
        1e6.. => (power / 1e6, "M"),
        1e3.. => (power / 1e3, "k"),
        _ => (power, ""),
    };
    format!("{figure}{unit}")
}
