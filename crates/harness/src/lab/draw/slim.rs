//! Makes a drawing smaller without changing it: dashes, bars and cells of one look that follow each other become one path.
//!
//! A page of sixty charts has tens of thousands of them, each with its class, colour and width spelt out.

/// Joins neighbouring `<polyline>`s and `<rect>`s whose attributes are equal but for the place.
pub(super) fn slim(svg: &str) -> String {
    let mut out = String::with_capacity(svg.len() / 2);
    // The lines of one look, and their outlines; those of a single line are not used.
    let mut open: Option<(String, Vec<&str>, String)> = None;
    for line in svg.split_inclusive('\n') {
        match (outline(line), &mut open) {
            (Some((look, way)), Some((own, lines, ways))) if *own == look => {
                lines.push(line);
                ways.push_str(&way);
            }
            (found, before) => {
                close(before.take(), &mut out);
                match found {
                    Some((look, way)) => open = Some((look, vec![line], way)),
                    None => out.push_str(line),
                }
            }
        }
    }
    close(open, &mut out);
    out
}

fn close(open: Option<(String, Vec<&str>, String)>, out: &mut String) {
    match open {
        Some((look, lines, ways)) if lines.len() > 1 => {
            out.push_str(&format!("<path{look} d=\"{ways}\"/>\n"));
        }
        Some((_, lines, _)) => out.push_str(lines[0]),
        None => {}
    }
}

/// An element's attributes without its place, and its place as a path.
fn outline(line: &str) -> Option<(String, String)> {
    let line = line.trim_end();
    if let Some(rest) = line.strip_prefix("<polyline") {
        let (before, points) = rest.split_once(" points=\"")?;
        let (points, after) = points.split_once('"')?;
        let way = format!("M{}", points.trim_end().replace(' ', "L"));
        return Some((format!("{before}{}", after.strip_suffix("/>")?), way));
    }
    let mut look = line.strip_prefix("<rect")?.strip_suffix("/>")?.to_owned();
    let mut take = |name: &str| {
        let from = look.find(&format!(" {name}=\""))?;
        let value = from + name.len() + 3;
        let to = value + look[value..].find('"')?;
        let taken = look[value..to].to_owned();
        look.replace_range(from..=to, "");
        Some(taken)
    };
    let [x, y, w, h] = [take("x")?, take("y")?, take("width")?, take("height")?];
    Some((look, format!("M{x},{y}h{w}v{h}h-{w}z")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_one_look_become_a_path_and_nothing_else_changes() {
        let dash = |colour: &str, x: i32| {
            format!(
                "<polyline class=\"s-{colour}\" fill=\"none\" points=\"{x},1 {},2 \"/>\n",
                x + 4
            )
        };
        let cell = |x: i32, share: f64| {
            format!("<rect x=\"{x}\" y=\"5\" width=\"10\" height=\"9\" opacity=\"{share}\"/>\n")
        };
        let text = "<text x=\"1\">\n<rect\n</text>\n";
        let svg = [
            &dash("rnn", 0),
            &dash("rnn", 8),
            &dash("gru", 0),
            text,
            &cell(0, 0.5),
            &cell(10, 0.5),
            &cell(20, 0.25),
            "</svg>\n",
        ];
        let expected = [
            "<path class=\"s-rnn\" fill=\"none\" d=\"M0,1L4,2M8,1L12,2\"/>\n",
            &dash("gru", 0),
            text,
            "<path opacity=\"0.5\" d=\"M0,5h10v9h-10zM10,5h10v9h-10z\"/>\n",
            &cell(20, 0.25),
            "</svg>\n",
        ];
        assert_eq!(slim(&svg.map(String::from).concat()), expected.concat());
    }
}
