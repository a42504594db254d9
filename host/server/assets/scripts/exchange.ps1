# Calls an API with an access token, and gets another one when that has run out.
# The refresh token comes from the environment variable JETON_TOKEN, or is asked for: do not write it into a script.
$BaseUrl = '@JETON_URL@'
$ApiUrl = "$BaseUrl/v1/self"  # tells what the access token is: put the address of your API here

$RefreshToken = $env:JETON_TOKEN
if (-not $RefreshToken) {
    $Typed = Read-Host 'Refresh token' -AsSecureString
    $RefreshToken = [System.Net.NetworkCredential]::new('', $Typed).Password
}
$Access = @{ Token = $null; Ends = Get-Date }

function Get-AccessToken {
    if ((Get-Date) -ge $Access.Ends) {
        $Form = @{ grant_type = 'refresh_token'; refresh_token = $RefreshToken }
        $Given = Invoke-RestMethod -Method Post -Uri "$BaseUrl/oauth2/token" -Body $Form
        $Access.Token = $Given.access_token
        $Access.Ends = (Get-Date).AddSeconds($Given.expires_in)
    }
    $Access.Token
}

try {
    $Headers = @{ Authorization = "Bearer $(Get-AccessToken)"; Accept = 'application/json' }
    Invoke-RestMethod -Uri $ApiUrl -Headers $Headers
} catch {
    Write-Error $_
    exit 1
}
