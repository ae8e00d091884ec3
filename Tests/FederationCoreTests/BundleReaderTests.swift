import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@Suite struct BundleReaderTests {
    private static let header = Bundle.Header(
        node: NodeIdentity(id: Sample.node(1), name: "alpha", version: "0.2.0", mode: .sync, publicKey: nil),
        publicKey: "ed25519:" + String(repeating: "A", count: 43) + "=", madeAt: Sample.epoch, nonce: "n",
        from: Bundle.beginning, holds: [Sample.node(2): "e.7.\(Sample.id(7))"], successions: [])

    private static func page(_ number: Int, _ body: String = "abc", events: Int = 1) -> [UInt8] {
        let line = Bundle.PageLine(
            page: number, to: "p.\(number)", events: events, attestations: 0, coding: Bundle.plain, bytes: body.utf8.count,
            signature: "s")
        return line.json + [0x0A] + Array(body.utf8) + [0x0A]
    }

    private static func end(pages: Int, events: Int64) -> [UInt8] {
        Bundle.End(
            pages: pages, events: events, logEvents: 9, logDigest: sha256([1]).hex, signature: "s"
        ).json + [0x0A]
    }

    private static let whole = header.json + [0x0A] + page(1) + page(2, "a\nb\n\n") + end(pages: 2, events: 2)

    /// What a reader makes of some bytes, given in pieces of `size`.
    private func read(_ bytes: [UInt8], by size: Int = 7) throws(Bundle.Problem) -> [BundleReader.Part] {
        var reader = BundleReader()
        var parts: [BundleReader.Part] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            reader.give(rest.prefix(size))
            rest = rest.dropFirst(size)
            while let part = try reader.next() { parts.append(part) }
        }
        try reader.finish()
        return parts
    }

    private func problem(_ bytes: [UInt8]) -> Bundle.Problem? {
        do throws(Bundle.Problem) {
            _ = try read(bytes)
            return nil
        } catch { return error }
    }

    @Test func whatIsWrittenIsReadHoweverItComes() throws {
        let parts = try read(BundleReaderTests.whole)
        #expect(parts.count == 4)
        guard case .header(let header, let line) = parts[0] else {
            Issue.record("no header")
            return
        }
        #expect(header == BundleReaderTests.header && line == header.json)
        guard case .page(let second, _, let from, let body) = parts[2] else {
            Issue.record("no page")
            return
        }
        #expect(second.page == 2 && from == "p.1" && body == Array("a\nb\n\n".utf8))
        guard case .end(let end, _, let position) = parts[3] else {
            Issue.record("no end")
            return
        }
        #expect(end.pages == 2 && end.events == 2 && position == "p.2")
        for size in [1, 2, 64, 100_000] { #expect(try read(BundleReaderTests.whole, by: size) == parts) }
    }

    @Test func wherverItIsCutIsNoticed() {
        for count in 0..<BundleReaderTests.whole.count {
            let found = problem(Array(BundleReaderTests.whole.prefix(count)))
            let first = BundleReaderTests.header.json.count + 1
            #expect(found == (count < first ? .notABundle : .truncated), "\(count)")
        }
        #expect(problem(BundleReaderTests.whole + [0x0A]) == .trailing)
        #expect(problem(BundleReaderTests.whole + BundleReaderTests.whole) == .trailing)
    }

    @Test func pagesFollowOneAnotherAndAreCounted() {
        let (header, page) = (BundleReaderTests.header.json + [0x0A], { BundleReaderTests.page($0) })
        #expect(problem(header + page(2)) == .order)
        #expect(problem(header + page(1) + page(1)) == .order)
        #expect(problem(header + page(1) + page(3)) == .order)
        #expect(problem(header + page(1) + BundleReaderTests.end(pages: 2, events: 1)) == .counts)
        #expect(problem(header + page(1) + BundleReaderTests.end(pages: 1, events: 2)) == .counts)
        #expect(problem(header + BundleReaderTests.end(pages: 0, events: 0)) == nil)
    }

    @Test func nothingIsReadPastItsBounds() {
        let header = BundleReaderTests.header.json + [0x0A]
        #expect(problem(Array("{}\n".utf8)) == .notABundle)
        #expect(problem(Array("SQLite format 3".utf8)) == .notABundle)
        #expect(problem(Array(#"{"federation_bundle":2,"id":"x"}"#.utf8) + [0x0A]) == .newer)
        #expect(problem(Array(#"{"federation_bundle":1}"#.utf8) + [0x0A]) == .malformed)
        let endless = Bundle.magic + [UInt8](repeating: 0x31, count: Limits.bundleLineBytes + 10)
        #expect(problem(endless) == .tooLong)
        #expect(problem(header + [UInt8](repeating: 0x20, count: Limits.bundleLineBytes + 10)) == .tooLong)
        func line(_ text: String) -> [UInt8] { header + Array(text.utf8) + [0x0A] }
        let good = #""to":"p","events":1,"attestations":0,"coding":"zstd","bytes":3,"signature":"s"}"#
        #expect(problem(line(#"{"page":1,"# + good) + Array("abc".utf8)) == .truncated)
        #expect(problem(line(#"{"page":1,"# + good) + Array("abcd".utf8)) == .malformed)
        for (from, to, what) in [
            (#""bytes":3"#, #""bytes":5242881"#, Bundle.Problem.tooLong), (#""bytes":3"#, #""bytes":0"#, .malformed),
            (#""bytes":3"#, #""bytes":-1"#, .malformed), (#""bytes":3"#, #""bytes":1e3"#, .malformed),
            (#""events":1"#, #""events":1001"#, .malformed), (#""attestations":0"#, #""attestations":257"#, .malformed),
            (#""to":"p""#, #""to":"a b""#, .malformed), (#""to":"p""#, #""to":7"#, .malformed),
        ] { #expect(problem(line(#"{"page":1,"# + good.replacing(from, with: to))) == what, "\(to)") }
    }
}
