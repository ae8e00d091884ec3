import FederationConfig
import Testing

struct NoemaFilesTests {
    @Test func aManifestIsReadAsFarAsItIsUnderstood() throws {
        let manifest = try #require(
            NoemaManifest(
                """
                ---
                id: 01KNJX4991ASW6NNKS9BQHNCGB
                name: alpha
                version: 2
                access: {shared_key_file: noema.key}
                federation:
                  verify: warn
                  peers:
                    - name: beta
                      endpoint: https://b:3000
                      ca: /etc/ca.pem
                    - name: broken
                ---

                # alpha
                """))
        #expect(manifest.id == "01KNJX4991ASW6NNKS9BQHNCGB")
        #expect(manifest.name == "alpha")
        #expect(manifest.peers.map(\.name) == ["beta"] && manifest.peers.map(\.endpoint) == ["https://b:3000"])
        let old = try #require(NoemaManifest("---\nname: old\n---\n"))
        #expect(old.id.isEmpty && old.peers.isEmpty)
        for text in ["", "# alpha", "---\nname: alpha\n", "---\n- name\n---\n", "---\nid: x\n---\n", "---\na: &b c\n: [\n---\n"] {
            #expect(NoemaManifest(text) == nil, "\(text)")
        }
    }

    @Test func aTraceFileIsItsFrontMatterAndItsBody() throws {
        let trace = try #require(
            NoemaTraceText("---\nid: 20260405-a\ntitle: A\ntype: fact\ntags: [x, \"y z\"]\nupdated: 2026-04-05T12:00:00Z\nsource_locked: true\nmystery: {a: 1}\n---\n\nbody\n\n"))
        #expect(trace.id == "20260405-a")
        #expect(trace.title == "A")
        #expect(trace.tags == ["x", "y z"])
        #expect(trace.updated == "2026-04-05T12:00:00Z")
        #expect(trace.isSourceLocked)
        #expect(trace.body == "body\n\n")
        #expect(NoemaTraceText("no front matter") == nil)
    }

    /// Nothing of a file of another program is lost, and nothing in it is a problem.
    @Test(arguments: [
        ("# Plain", nil, "# Plain", "# Plain"),
        ("---\ntitle: T\n---\nbody", "T", "body", "body"),
        ("---\ntitle: T\naliases: [a]\n---\nbody", "T", "---\ntitle: T\naliases: [a]\n---\nbody", "body"),
        ("---\ntitle: [1, 2]\n---\nbody", nil, "---\ntitle: [1, 2]\n---\nbody", "body"),
        ("---\nprose, not YAML\n---\nbody", nil, "---\nprose, not YAML\n---\nbody", "---\nprose, not YAML\n---\nbody"),
        ("---\n\tbad\n---\nbody", nil, "---\n\tbad\n---\nbody", "---\n\tbad\n---\nbody"),
    ] as [(String, String?, String, String)])
    func frontMatterOfAnotherProgram(text: String, title: String?, body: String, prose: String) {
        let parts = FrontMatter.splitLeniently(text)
        #expect(parts.matter.title == title)
        #expect(parts.body == body)
        #expect(parts.prose == prose)
    }
}
