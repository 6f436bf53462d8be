//! Where things are in Kakao's console (developers.kakao.com), as its menus are called since
//! December 2025.

/// Kakao Login itself.
pub const SWITCH: &str = "[카카오 로그인] > [사용 설정]";
/// The keys of the app.
pub const KEYS: &str = "[앱] > [플랫폼 키] > [REST API 키]";
/// Where browsers may be sent back to.
pub const REDIRECT_URI: &str = "[앱] > [플랫폼 키] > [REST API 키] > 리다이렉트 URI";
/// The secret of the REST API key.
pub const CLIENT_SECRET: &str = "[앱] > [플랫폼 키] > [REST API 키] > 클라이언트 시크릿";
/// The addresses that may call Kakao with our keys.
pub const ALLOWED_ADDRESSES: &str = "[앱] > [플랫폼 키] > 호출 허용 IP 주소";
/// The key that acts on everybody.
pub const ADMIN_KEY: &str = "[앱] > [어드민 키]";
/// Where browsers may be sent back to after a logout at Kakao.
pub const LOGOUT_REDIRECT_URI: &str = "[카카오 로그인] > [고급] > 로그아웃 리다이렉트 URI";
/// What people are asked to share.
pub const CONSENT_ITEMS: &str = "[카카오 로그인] > [동의항목]";
/// ID tokens.
pub const OPENID_CONNECT: &str = "[카카오 로그인] > [OpenID Connect]";
/// What Kakao tells us of people who take the connection apart there.
pub const UNLINK_WEBHOOK: &str = "[앱] > [웹훅] > 연결 해제 웹훅";
/// What Kakao tells us of accounts.
pub const ACCOUNT_WEBHOOK: &str = "[앱] > [웹훅] > 계정 상태 변경 웹훅";
/// Who may sign in to a test app.
pub const MEMBERS: &str = "[앱] > [멤버]";
