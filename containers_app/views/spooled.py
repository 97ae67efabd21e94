"""A form's file on its way into the spool: straight to its place on the disk, within the quota, a block in memory."""

import io

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from containers_app.errors import FreezeframeError
from containers_app.services import uploads

BLOCK = 1024 * 1024  # bytes that are parsed and written at once


class SpooledFile(UploadedFile):
    """What has come in whole: its bytes lie in the spool under `key`, until an upload or `forget` takes them."""

    def __init__(self, name, key, size):
        super().__init__(file=io.BytesIO(), name=name, size=size)
        self.key = key


class SpoolHandler(FileUploadHandler):
    """Django's parser gives it a form's one file; `error` says why it was not taken."""

    chunk_size = BLOCK

    def __init__(self, request=None):
        super().__init__(request)
        self.key = self.error = None

    def new_file(self, *args, **kwargs):
        super().new_file(*args, **kwargs)
        self._guarded(self._begin)

    def _begin(self):
        if self.key:
            raise FreezeframeError("Only one file is taken at a time.")
        self.key = uploads.begin_whole(self._expected())

    def _expected(self):
        """The form's length: its file is no longer."""
        return int(self.request.META.get("CONTENT_LENGTH") or 0) if self.request else 0

    def receive_data_chunk(self, raw_data, start):
        self._guarded(lambda: uploads.append_whole(self.key, start, raw_data))

    def file_complete(self, file_size):
        return SpooledFile(self.file_name, self.key, file_size)

    def upload_interrupted(self):
        self.forget()

    def forget(self):
        """Remove what nobody has taken."""
        if self.key:
            uploads.forget_whole(self.key)

    def _guarded(self, act):
        try:
            act()
        except FreezeframeError as error:
            self.error = error
            self.forget()
            raise StopUpload(connection_reset=False) from error
