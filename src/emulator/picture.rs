//! Profile pictures of the emulated people: a plain figure as a PNG, because Kakao's pictures are
//! raster images and image proxies refuse drawings.

/// Sides of the pictures in pixels, as Kakao delivers them.
pub(super) const SIZES: [u32; 2] = [110, 640];

type Colour = [u8; 3];

/// Dark enough for the figure to stand out, and none of them yellow.
const GROUNDS: [Colour; 10] = [
    [0x3d, 0x5a, 0x80],
    [0x5b, 0x4b, 0x8a],
    [0x2f, 0x6f, 0x62],
    [0x8a, 0x3f, 0x52],
    [0x4f, 0x6d, 0x2f],
    [0x7a, 0x4a, 0x2b],
    [0x2b, 0x6c, 0x8f],
    [0x7b, 0x3b, 0x7b],
    [0x37, 0x5f, 0x9e],
    [0x9a, 0x44, 0x3a],
];
const DEFAULT_GROUND: Colour = [0x6b, 0x6f, 0x78];
const FIGURE: Colour = [0xf4, 0xf4, 0xf4];
/// The figure is described on a square of so many units.
const UNITS: i64 = 64;
/// Most bytes of a stored block (RFC 1951 section 3.2.4).
const BLOCK: usize = 65_535;

/// The picture of the person `name` with sides of `size` pixels.
pub(super) fn png(name: &str, size: u32) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let side = size.to_be_bytes();
    // Two bits a pixel from a palette, no interlace.
    let header = [&side[..], &side[..], &[2, 3, 0, 0, 0]].concat();
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"PLTE", &palette(ground(name)));
    chunk(&mut file, *b"IDAT", &stored(&rows(i64::from(size))));
    chunk(&mut file, *b"IEND", &[]);
    file
}

/// A colour of the name's own.
fn ground(name: &str) -> Colour {
    if name == "default" {
        return DEFAULT_GROUND;
    }
    let sum = name.bytes().fold(7_usize, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(usize::from(byte))
    });
    let own = GROUNDS.iter().cycle().nth(sum % GROUNDS.len());
    own.copied().unwrap_or(DEFAULT_GROUND)
}

/// Ground, two steps between for smooth edges, and figure.
fn palette(ground: Colour) -> Vec<u8> {
    let step = |step: u16| {
        let mixes = ground.into_iter().zip(FIGURE).map(move |(from, to)| {
            let mixed = (u16::from(from) * (3 - step) + u16::from(to) * step) / 3;
            u8::try_from(mixed).unwrap_or(to)
        });
        mixes.collect::<Vec<_>>()
    };
    (0..=3).flat_map(step).collect()
}

/// The rows from the top, each after the byte for "unfiltered", four pixels in a byte.
fn rows(size: i64) -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..size {
        rows.push(0);
        for start in (0..size).step_by(4) {
            let pixels = (start..start + 4).map(|x| shade(x, y, size));
            rows.push(pixels.fold(0, |byte, shade| byte << 2 | shade));
        }
    }
    rows
}

/// How much of the pixel the figure covers, in thirds: a head, and shoulders below it.
fn shade(x: i64, y: i64, size: i64) -> u8 {
    let head = disc(x, y, size, (32, 25), 11);
    head.max(disc(x, y, size, (32, 64), 22))
}

/// How much of the pixel a disc covers. A unit is `2 * size` steps and a pixel `2 * UNITS`, so
/// that the middle of a pixel is a whole number of steps.
fn disc(x: i64, y: i64, size: i64, (centre_x, centre_y): (i64, i64), radius: i64) -> u8 {
    let across = (2 * x + 1) * UNITS - centre_x * 2 * size;
    let down = (2 * y + 1) * UNITS - centre_y * 2 * size;
    let radius = radius * 2 * size;
    let distance = across * across + down * down;
    let edges = [radius - UNITS / 2, radius, radius + UNITS / 2];
    edges.iter().fold(0, |covered, edge| {
        covered + u8::from(distance <= edge * edge)
    })
}

/// A chunk (PNG specification section 5.3).
fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let content = [&kind[..], data].concat();
    file.extend(length.to_be_bytes());
    file.extend(&content);
    file.extend(crc32(&content).to_be_bytes());
}

/// A zlib stream without compression (RFC 1950, RFC 1951 section 3.2.4).
fn stored(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let mut blocks = data.chunks(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(blocks.peek().is_none()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(adler32(data).to_be_bytes());
    stream
}

/// The checksum of chunks (PNG specification annex D).
fn crc32(data: &[u8]) -> u32 {
    let crc = data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            let carry = if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
            crc >> 1 ^ carry
        })
    });
    !crc
}

/// The checksum of zlib streams (RFC 1950 section 8.2).
fn adler32(data: &[u8]) -> u32 {
    let sums = data.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    sums.1 << 16 | sums.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn the_figure_is_in_the_middle_and_the_ground_around_it() {
        for size in SIZES.map(i64::from) {
            let rows = rows(size);
            let width = usize::try_from((size + 3) / 4 + 1).unwrap();
            assert_eq!(rows.len(), width * usize::try_from(size).unwrap());
            assert_eq!(shade(size / 2, size * 25 / 64, size), 3, "head");
            assert_eq!(shade(size / 2, size - 1, size), 3, "shoulders");
            assert_eq!(shade(0, 0, size), 0);
            assert_eq!(shade(size / 2, size * 39 / 64, size), 0, "neck");
        }
    }

    #[test]
    fn a_long_stream_is_several_blocks_of_which_the_last_says_so() {
        let data = vec![7; BLOCK + 3];
        let stream = stored(&data);
        assert_eq!(stream[2..7], [0, 0xff, 0xff, 0, 0]);
        assert_eq!(stream[7 + BLOCK..][..8], [1, 3, 0, 0xfc, 0xff, 7, 7, 7]);
        assert_eq!(stream.len(), 2 + 5 + BLOCK + 5 + 3 + 4);
    }
}
