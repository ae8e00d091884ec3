/// One file that the page is made of, as browsers are given it. The files are part of the program.
package struct PageFile: Sendable {
    /// As the request names it: `/page.css`.
    package var path: String
    package var mediaType: String
    package var bytes: [UInt8]

    private init(_ path: String, _ mediaType: String, _ bytes: [UInt8]) {
        self.path = path
        self.mediaType = mediaType
        self.bytes = bytes
    }

    private static let script = "text/javascript; charset=utf-8"

    /// docs/reasons.md as it is.
    package static var reasons: [UInt8] { PackageResources.reasons_md }

    /// All of them.
    package static var all: [PageFile] {
        [
            PageFile("/", "text/html; charset=utf-8", PackageResources.index_html),
            PageFile("/page.css", "text/css; charset=utf-8", PackageResources.page_css),
            PageFile("/icon.svg", "image/svg+xml", PackageResources.icon_svg),
            PageFile("/reasons.md", "text/markdown; charset=utf-8", reasons),
            PageFile("/page.js", script, PackageResources.page_js),
            PageFile("/node.js", script, PackageResources.node_js),
            PageFile("/dom.js", script, PackageResources.dom_js),
            PageFile("/words.js", script, PackageResources.words_js),
            PageFile("/ring.js", script, PackageResources.ring_js),
            PageFile("/peers.js", script, PackageResources.peers_js),
            PageFile("/plots.js", script, PackageResources.plots_js),
            PageFile("/clocks.js", script, PackageResources.clocks_js),
            PageFile("/records.js", script, PackageResources.records_js),
            PageFile("/quarantine.js", script, PackageResources.quarantine_js),
            PageFile("/events.js", script, PackageResources.events_js),
            PageFile("/reasons.js", script, PackageResources.reasons_js),
        ]
    }
}
