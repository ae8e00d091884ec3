import FederationCore
import FederationCrypto
import Testing

@Suite struct NodeProofTests {
    private let node = ULID("01KNJX4991ASW6NNKS9BQHNCGB")!

    @Test func aProofIsReadAsItIsWritten() {
        let proof = NodeProof(seconds: 1_790_000_000, receiver: node, signature: "ed25519:AAAA")
        #expect(proof.text == "1790000000 01KNJX4991ASW6NNKS9BQHNCGB ed25519:AAAA")
        #expect(NodeProof(proof.text) == proof)
    }

    @Test(arguments: [
        "", "1790000000", "1790000000 01KNJX4991ASW6NNKS9BQHNCGB", "+1 01KNJX4991ASW6NNKS9BQHNCGB s",
        "01 01KNJX4991ASW6NNKS9BQHNCGB s", "1 01knjx4991asw6nnks9bqhncgb s", "1  01KNJX4991ASW6NNKS9BQHNCGB s",
        "1 01KNJX4991ASW6NNKS9BQHNCGB s s", "99999999999999999999 01KNJX4991ASW6NNKS9BQHNCGB s",
        "1 01KNJX4991ASW6NNKS9BQHNCGB " + String(repeating: "s", count: 200),
    ])
    func nothingElseIsOne(_ text: String) { #expect(NodeProof(text) == nil) }

    @Test(arguments: [
        (0, true), (300, true), (301, false), (-300, true), (-301, false), (Int64.max, false), (Int64.min, false),
    ] as [(Int64, Bool)])
    func itsTimeIsNear(_ apart: Int64, _ isTimely: Bool) {
        let now = WallTime(milliseconds: 1_790_000_000_500)
        let (seconds, overflow) = Int64(1_790_000_000).addingReportingOverflow(apart)
        let proof = NodeProof(seconds: overflow ? apart : seconds, receiver: node, signature: "")
        #expect(proof.isTimely(at: now) == isTimely)
    }

    @Test func itHoldsForOneRequestToOneNodeAtItsTime() {
        let other = ULID("01KNJX4991ASW6NNKS9BQHNCGC")!
        let now = WallTime(milliseconds: 1_790_000_000_000)
        let request = ServedRequest(method: "GET", path: "/a", target: "/a?b=1")
        let proof = NodeProof(seconds: 1_790_000_000, receiver: node, signature: "signed")
        func holds(_ request: ServedRequest, to own: ULID, at now: WallTime) -> Bool {
            let expected = NodeProof.preimage(
                sender: other, receiver: node, seconds: 1_790_000_000, method: "GET", target: "/a?b=1", body: sha256([]))
            return proof.holds(for: request, from: other, to: own, at: now, sha256: sha256) { $0 == expected && $1 == "signed" }
        }
        #expect(holds(request, to: node, at: now))
        #expect(!holds(request, to: other, at: now))
        #expect(!holds(request, to: node, at: now.advanced(by: .seconds(301))))
        for change: (inout ServedRequest) -> Void in [{ $0.method = "POST" }, { $0.target = "/a?b=2" }, { $0.body = [1] }] {
            var changed = request
            change(&changed)
            #expect(!holds(changed, to: node, at: now))
        }
    }

    @Test func whatIsSignedIsWrittenInLines() {
        let bytes = NodeProof.preimage(
            sender: node, receiver: node, seconds: 7, method: "GET", target: "/federation/v1/events?limit=1", body: .lowest)
        #expect(
            String(decoding: bytes, as: UTF8.self) == """
                federation-request-v1
                01KNJX4991ASW6NNKS9BQHNCGB
                01KNJX4991ASW6NNKS9BQHNCGB
                7
                GET
                /federation/v1/events?limit=1
                0000000000000000000000000000000000000000000000000000000000000000

                """)
    }
}
