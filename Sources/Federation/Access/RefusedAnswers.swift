internal import FederationCore

extension RefusedRequests.Cause {
    /// Why a wire did not do what a request asked for; `nil` where it did, and where what it said is no fault of whoever
    /// asked: a node that serves nothing.
    init?(of response: HTTPResponse, to request: ServedRequest) {
        switch response.status {
        case 400, 413, 415: self = .request
        case 403 where NativePushRoute.isPush(request): self = .push
        case 404: self = .path
        case 405: self = .method
        case 409: self = .position
        case 429: self = .busy
        default: return nil
        }
    }
}
