import FederationCore
import FederationCrypto
import FederationHTTP
import FederationStore

/// Tells who is asked that who asks runs on the same machine, where a page takes more of the processor's time to be coded than
/// to be handed on.
///
/// An address does not tell: the ends of a tunnel look like loopback. SHA-256 over a word, the kernel's boot id, which the
/// processes of a machine know and nobody else does, and the node that asks: so nobody else can make or read a mark, and those
/// of two nodes do not show that they share a machine.
enum HostMark {
    static let boot = bootIdentity()

    /// - Parameter node: who asks, as `NativeField.node` names it.
    /// - Returns: `nil` where the kernel does not say which boot this is.
    static func of(_ node: String, boot: [UInt8]? = boot) -> String? {
        boot.map { sha256(Array("federation-host-v1\n\(node)\n".utf8) + $0).hex }
    }

    /// Whether a request comes from this machine.
    static func isHere(_ fields: HTTPFields, boot: [UInt8]? = boot) -> Bool {
        guard let mark = fields[NativeField.host], let node = fields[NativeField.node] else { return false }
        return mark == of(node, boot: boot)
    }
}
