# Reports what could be cleaned on this Windows machine: the user's temporary files, the update cache, the
# recycle bin, and whether a restart is pending. It only reads; it removes and changes nothing.
# Exit code 0: reported. 10: more than -WarnGB could be freed, or a restart is pending. 1: it broke off.
# Plain ASCII on purpose: Windows PowerShell 5.1 reads a file without a byte order mark as ANSI.
param(
    [double] $WarnGB = 20
)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 2.0

function Format-Size([double] $Bytes) {
    $culture = [System.Globalization.CultureInfo]::InvariantCulture
    if ($Bytes -ge 1e9) { return [string]::Format($culture, '{0:0.0} GB', $Bytes / 1e9) }
    return [string]::Format($culture, '{0:0.0} MB', $Bytes / 1e6)
}

function Test-LeadsAway($Item) {
    # A link, junction or mount folder: what is behind it belongs to somewhere else.
    return [bool] ($Item.Attributes -band [System.IO.FileAttributes]::ReparsePoint)
}

# Get-ChildItem -Recurse of Windows PowerShell 5.1 follows junctions; this walk does not.
function Measure-Folder([string] $Path) {
    $count = 0
    $bytes = [double] 0
    $closed = 0
    $waiting = New-Object 'System.Collections.Generic.Stack[string]'
    $waiting.Push($Path)
    while ($waiting.Count -gt 0) {
        $folder = New-Object System.IO.DirectoryInfo ($waiting.Pop())
        try {
            foreach ($item in $folder.GetFileSystemInfos()) {
                if (Test-LeadsAway $item) { continue }
                if ($item -is [System.IO.DirectoryInfo]) {
                    $waiting.Push($item.FullName)
                } else {
                    $count += 1
                    $bytes += $item.Length
                }
            }
        } catch {
            # Closed to this user, or gone meanwhile.
            $closed += 1
        }
    }
    return @{ Count = $count; Bytes = $bytes; Closed = $closed }
}

function Write-Folder([string] $Name, [string] $Path) {
    if ([string]::IsNullOrEmpty($Path) -or -not (Test-Path -LiteralPath $Path -PathType Container)) {
        Write-Output "${Name}: not there: skipped"
        return
    }
    $found = Measure-Folder $Path
    $script:TotalBytes += $found.Bytes
    $remark = ''
    if ($found.Closed -gt 0) { $remark = "; $($found.Closed) folders are closed to this user" }
    Write-Output "${Name}: $(Format-Size $found.Bytes) in $($found.Count) files$remark"
}

function Test-PendingRestart {
    $keys = @(
        'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending',
        'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired'
    )
    foreach ($key in $keys) {
        if (Test-Path -LiteralPath $key) { return $true }
    }
    return $false
}

try {
    if ($env:OS -ne 'Windows_NT') {
        Write-Output 'this is not Windows: skipped'
        exit 0
    }
    $script:TotalBytes = [double] 0
    Write-Folder 'temporary files' $env:TEMP
    Write-Folder 'Windows Update cache' (Join-Path $env:SystemRoot 'SoftwareDistribution\Download')
    foreach ($drive in [System.IO.DriveInfo]::GetDrives()) {
        if ($drive.DriveType -eq [System.IO.DriveType]::Fixed -and $drive.IsReady) {
            $bin = Join-Path $drive.RootDirectory.FullName '$Recycle.Bin'
            Write-Folder "recycle bin of $($drive.Name)" $bin
        }
    }
    $pending = Test-PendingRestart
    if ($pending) { Write-Output 'a restart is pending' } else { Write-Output 'no restart is pending' }
    if ($script:TotalBytes -gt $WarnGB * 1e9) {
        Write-Output "$(Format-Size $script:TotalBytes) could be freed, limit $WarnGB GB"
        exit 10
    }
    if ($pending) { exit 10 }
    exit 0
} catch {
    Write-Output "broke off: $($_.Exception.Message)"
    exit 1
}
