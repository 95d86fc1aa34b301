//! What it looks like: the window's size, light and dark, and pictures of it.

use std::{env, fs, io::Read as _, path::Path};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::Browser;

impl Browser {
    /// Makes what shows the page this large, as a phone's is 360 x 740.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32) {
        self.size.set((width, height));
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.driver.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Has the system prefer dark.
    pub fn dark(&self) {
        self.prefer("dark");
    }

    /// Has the system prefer light.
    pub fn light(&self) {
        self.prefer("light");
    }

    /// Which of the two it prefers.
    pub(super) fn scheme(&self) -> &'static str {
        self.scheme.get()
    }

    pub(super) fn prefer(&self, scheme: &'static str) {
        self.scheme.set(scheme);
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.driver.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Asserts that the document doesn't scroll sideways.
    #[track_caller]
    pub fn fits(&self, view: &str) {
        let wider = self.script(
            "const { scrollWidth, clientWidth } = document.scrollingElement;
            if (scrollWidth <= clientWidth) return null;
            const reaches = (it) => it.getBoundingClientRect().right > clientWidth;
            const widest = [...document.querySelectorAll('body *')].filter(reaches).slice(0, 10);
            return `${scrollWidth} > ${clientWidth}: ` + widest.map((it) => `${it.tagName}.${it.className}`).join(' ');",
            vec![],
        );
        assert_eq!(wider, Value::Null, "{view} scrolls sideways");
    }

    /// The colour in the top left corner as it is painted: red, green and blue.
    #[track_caller]
    pub fn ground(&self) -> [u8; 3] {
        let corner = json!({ "x": 1, "y": 1, "width": 1, "height": 1, "scale": 1 });
        let picture = self.picture(&json!({ "clip": corner }));
        // A PNG of one pixel: no filter has anything to refer to, so the bytes after the first are its colours.
        let mut rest = &picture[8..];
        let mut packed = Vec::new();
        while rest.len() >= 12 {
            let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            if &rest[4..8] == b"IDAT" {
                packed.extend_from_slice(&rest[8..8 + length]);
            }
            rest = &rest[12 + length..];
        }
        let mut pixel = Vec::new();
        flate2::read::ZlibDecoder::new(packed.as_slice()).read_to_end(&mut pixel).expect("a PNG's data");
        assert!(pixel.len() >= 4, "{pixel:?}");
        [pixel[1], pixel[2], pixel[3]]
    }

    /// Keeps a picture of the whole page as `NAME.png`, where `JETON_SCREENSHOTS` names a directory for them.
    #[track_caller]
    pub fn screenshot(&self, name: &str) {
        let Some(directory) = env::var_os("JETON_SCREENSHOTS") else { return };
        let layout = self.driver.devtools("Page.getLayoutMetrics", &json!({}));
        let size = &layout["cssContentSize"];
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let picture = self.picture(&json!({ "clip": clip, "captureBeyondViewport": true }));
        fs::create_dir_all(&directory).expect("the directory for screenshots");
        fs::write(Path::new(&directory).join(format!("{name}.png")), picture)
            .expect("a screenshot can be written");
    }

    fn picture(&self, how: &Value) -> Vec<u8> {
        let taken = self.driver.devtools("Page.captureScreenshot", how);
        BASE64_STANDARD.decode(taken["data"].as_str().expect("a picture")).expect("Base64")
    }
}
