import RMQCommon
import RMQRemoting

extension AccessPermission {
    /// Whether a request that needs this right may pass.
    func allows(_ right: ResourceRight.Right) -> Bool {
        switch (self, right) {
        case (.both, _), (.publish, .publish), (.subscribe, .subscribe): true
        case (.deny, _), (.publish, .subscribe), (.subscribe, .publish): false
        }
    }
}
