import FederationCore
import FederationCrypto
import FederationTestKit

/// A bundle, in pieces of a length that the first byte gives: parts follow one another, are read the same however the bytes
/// come, and never hold more than a page.
enum BundleBytes: Fuzzer {
    static let name = "bundle"

    static func take(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let rest = Array(bytes.dropFirst())
        let whole = parts(of: rest, by: max(1, rest.count))
        let pieces = parts(of: rest, by: Int(first) + 1)
        require(whole.parts == pieces.parts && whole.problem == pieces.problem, "read another way in pieces")
        var position: String?
        var pages = 0
        for part in whole.parts {
            switch part {
            case .header(let header, _):
                require(position == nil, "two first lines")
                position = header.from
                guard let again = try? Bundle.Header(line: header.json) else { fail("a first line that was written is not read") }
                require(again == header, "another first line is read than was written")
            case .page(let page, _, let from, let body):
                pages += 1
                require(page.page == pages && from == position, "pages out of order")
                require(body.count == page.bytes && body.count <= Limits.bundlePageBytes, "a page past its bounds")
                guard let again = try? Bundle.PageLine(line: page.json) else { fail("a line that was written is not read") }
                require(again == page, "another line is read than was written")
                position = page.to
            case .end(let end, _, let last):
                require(end.pages == pages && last == position, "an end of something else")
                guard let again = try? Bundle.End(line: end.json) else { fail("an end that was written is not read") }
                require(again == end, "another end is read than was written")
            }
        }
    }

    private static func parts(of bytes: [UInt8], by size: Int) -> (parts: [BundleReader.Part], problem: Bundle.Problem?) {
        var reader = BundleReader()
        var found: [BundleReader.Part] = []
        do throws(Bundle.Problem) {
            var rest = bytes[...]
            while !rest.isEmpty {
                reader.give(rest.prefix(size))
                rest = rest.dropFirst(size)
                while let part = try reader.next() { found.append(part) }
            }
            try reader.finish()
            return (found, nil)
        } catch {
            return (found, error)
        }
    }

    static var seeds: [Seed] {
        get throws {
            let node = NodeIdentity(id: Sample.node(1), name: "alpha", version: "0.2.0", mode: .sync, publicKey: nil)
            let key = try SigningKey(seed: [UInt8](repeating: 1, count: SigningKey.seedLength)).publicKey.description
            let header = Bundle.Header(
                node: node, publicKey: key, madeAt: Sample.epoch, nonce: "7", from: Bundle.beginning,
                holds: [Sample.node(2): "e.1.\(Sample.id(1))"], successions: [])
            let body = Sample.event(Sample.id(1)).json + [0x0A]
            func page(_ number: Int) -> [UInt8] {
                Bundle.PageLine(
                    page: number, to: "e.\(number).\(Sample.id(1))", events: 1, attestations: 0, coding: Bundle.plain,
                    bytes: body.count, signature: "ed25519:"
                ).json + [0x0A] + body + [0x0A]
            }
            func end(_ pages: Int) -> [UInt8] {
                Bundle.End(
                    pages: pages, events: Int64(pages), logEvents: 1, logDigest: sha256([1]).hex, signature: "ed25519:"
                ).json + [0x0A]
            }
            let start = [7] + header.json + [0x0A]
            return [
                Seed("whole", start + page(1) + page(2) + end(2)), Seed("empty", start + end(0)),
                Seed("cut", start + page(1).dropLast(9)), Seed("twice", start + page(1) + page(1)),
                Seed("newer", #"7{"federation_bundle":2}"#),
            ]
        }
    }
}
