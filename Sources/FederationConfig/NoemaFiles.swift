/// The manifest of a Noema cortex, `cortex.md`: what of it concerns whoever reads the cortex (Noema section 5.1).
package struct NoemaManifest: Hashable, Sendable {
    package struct Peer: Hashable, Sendable {
        package var name: String
        package var endpoint: String
    }

    /// The ULID of the cortex; empty for one of the first version.
    package var id: String
    package var name: String
    package var peers: [Peer]

    /// Reads the text of `cortex.md`; `nil` where it is no manifest. What is not understood is passed over.
    package init?(_ text: String) {
        guard let (root, _) = FrontMatter.lenientBlock(of: text) else { return nil }
        var reader = MappingReader(root)
        let text = ValueReader<String> { (text) throws(ConfigProblem.Reason) in text }
        guard let name = reader.optional("name", text) else { return nil }
        self.name = name
        id = reader.optional("id", text) ?? ""
        var peers: [Peer] = []
        reader.mapping("federation") { federation in
            let listed = federation.mappings("peers") { peer in
                (name: peer.optional("name", text), endpoint: peer.optional("endpoint", text))
            }
            peers = listed.compactMap { peer in
                guard let name = peer.name, let endpoint = peer.endpoint else { return nil }
                return Peer(name: name, endpoint: endpoint)
            }
        }
        self.peers = peers
    }
}

/// The text of a trace file of a Noema cortex: front matter and body.
package struct NoemaTraceText: Hashable, Sendable {
    package var id: String?
    package var title: String?
    package var type: String?
    package var author: String?
    package var tags: [String]
    package var derivedFrom: [String]
    package var origin: String?
    package var tier: String?
    package var sourceHash: String?
    package var isSourceLocked: Bool
    /// When it was last written, as the file says.
    package var updated: String?
    package var body: String

    /// `nil` where the text has no front matter that can be read. Keys that are not understood are passed over, for the
    /// cortex keeps them in its files.
    package init?(_ text: String) {
        guard let (root, body) = FrontMatter.lenientBlock(of: text) else { return nil }
        var reader = MappingReader(root)
        let text = ValueReader<String> { (text) throws(ConfigProblem.Reason) in text }
        id = reader.optional("id", text)
        title = reader.optional("title", text)
        type = reader.optional("type", text)
        author = reader.optional("author", text)
        tags = reader.list("tags", text)
        derivedFrom = reader.list("derived_from", text)
        origin = reader.optional("origin", text)
        tier = reader.optional("tier", text)
        sourceHash = reader.optional("source_hash", text)
        isSourceLocked = reader.optional("source_locked", text) == "true"
        updated = reader.optional("updated", text)
        self.body = body
    }
}

extension FrontMatter {
    /// The mapping of a front matter of another program, and the text behind it.
    fileprivate static func lenientBlock(of text: String) -> (root: YAMLNode, body: String)? {
        let bytes = Array(text.utf8)
        guard let block = block(of: bytes), let root = YAMLDocument.parse(Array(bytes[block.yaml])).root,
            case .mapping = root.content
        else { return nil }
        return (root, String(decoding: bytes[block.bodyStart...], as: UTF8.self))
    }
}
