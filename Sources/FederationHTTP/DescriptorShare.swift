internal import FederationCore
internal import Glibc

/// What a listener may have of the descriptors of this process.
enum DescriptorShare {
    /// Connections, by the limit of this process as it is now.
    static var connections: Int {
        var limits = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return Limits.connections }
        return DescriptorBudget.connections(of: Int(clamping: limits.rlim_cur))
    }
}
