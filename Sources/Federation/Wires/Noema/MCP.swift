import FederationCore

/// What MCP fixes beside JSON-RPC.
enum MCP {
    /// The protocol versions we speak, newest first. They differ in nothing that is used here.
    static let protocolVersions = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]

    static let sessionField = "Mcp-Session-Id"
    static let versionField = "MCP-Protocol-Version"

    /// Under `capabilities.experimental` in the answer to `initialize`: the node speaks the native wire too, so a
    /// puller that was here before it did can change over. Others pass over it.
    static let nativeCapability = "federation"
}

/// The result of a tool call: one text, or a refusal in words.
struct MCPToolResult {
    var text: String
    var isError: Bool

    init(text: String, isError: Bool = false) {
        self.text = text
        self.isError = isError
    }

    /// The first text of `content`, as the Go line reads it. `structuredContent` is passed over: some servers wrap the
    /// same text in it once more, and its bytes are not the ones that were signed.
    init(_ result: JSON) throws(ExchangeFailure) {
        guard let content = result["content"]?.array else { throw .malformed(.missingMember) }
        text = content.first { $0["type"]?.string == "text" }?["text"]?.string ?? ""
        isError = result["isError"]?.bool ?? false
    }

    /// The members of the result object.
    func write(to writer: inout JSONWriter) {
        writer.key("content")
        writer.array {
            $0.object {
                $0.member("type", "text")
                $0.member("text", text)
            }
        }
        if isError { writer.member("isError", true) }
    }
}
