import FederationCore
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
