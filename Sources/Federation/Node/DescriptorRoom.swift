internal import FederationCore
internal import Glibc

/// The descriptors of this process: as many as it may have, as soon as it begins.
enum DescriptorRoom {
    /// Asks for more where the system's first word is less than a node with many peers needs.
    static func make() throws(CommandFailure) {
        var limits = rlimit()
        guard unsafe getrlimit(resource, &limits) == 0 else { return }
        guard let budget = DescriptorBudget(soft: Int(clamping: limits.rlim_cur), hard: Int(clamping: limits.rlim_max)) else {
            throw CommandFailure(
                .fewDescriptors, ["limit": String(limits.rlim_max), "needed": String(Limits.leastDescriptors)])
        }
        guard budget.limit > Int(clamping: limits.rlim_cur) else { return }
        limits.rlim_cur = rlim_t(budget.limit)
        // Where it may not, what it has is enough to begin with: the listeners take no more than their share of it.
        _ = unsafe setrlimit(resource, &limits)
    }

    private static let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
}
