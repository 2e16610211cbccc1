"""The rules findings refer to, as one table. docs/rules.md lists the same ids; a test compares them."""

from collections.abc import Mapping
from types import MappingProxyType

from shared.formats.findings import Rule, Severity

_DROPS_IMAGE = MappingProxyType({"ultralytics>=8.4.190": "drop_image"})
_REWRITES_FILE = MappingProxyType({"ultralytics>=8.0.0": "rewrite_file"})
_KEEPS = MappingProxyType({"ultralytics>=8.4.190": "keep"})
_TOLERATED = MappingProxyType({"ultralytics>=8.4.190": "keep", "ultralytics<8.3.200": "drop_image"})
_DROPS_ROW = MappingProxyType({"ultralytics>=8.4.190": "drop_row", "ultralytics<8.4.190": "drop_row"})
_ERROR, _WARNING, _INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

_RULES = (
    # the archive and its members
    Rule("ARCHIVE_ENCRYPTED", _ERROR, "The member is encrypted.", "Write the archive again without a password."),
    Rule("ARCHIVE_METHOD", _ERROR, "The member is compressed by a method that is not read.", "Use deflate or store."),
    Rule(
        "ARCHIVE_TRUNCATED",
        _ERROR,
        "The member's bytes end early or are damaged.",
        "Write or download the archive again.",
    ),
    Rule(
        "ARCHIVE_CRC", _ERROR, "The member's bytes do not match their checksum.", "Write or download the archive again."
    ),
    Rule("ARCHIVE_PATH_UNSAFE", _ERROR, "The member's path leaves the archive.", "Store relative paths without `..`."),
    Rule(
        "ARCHIVE_LINK",
        _ERROR,
        "The member is a device, or a link that leads to nothing inside the archive.",
        "Store the file itself.",
    ),
    Rule("ARCHIVE_DUP_NAME", _WARNING, "Two members have the same name; the first is read.", "Remove or rename one."),
    Rule(
        "ARCHIVE_BOMB", _ERROR, "The member expands far more than data does, or overlaps another.", "Check its origin."
    ),
    Rule(
        "ARCHIVE_NAME_ENCODING",
        _WARNING,
        "The member's name is not UTF-8; its encoding was guessed.",
        "Write UTF-8 names.",
    ),
    Rule("ARCHIVE_NAME_LENGTH", _ERROR, "The member's name is longer than a path may be.", "Use a shorter name."),
    Rule("FOLDER_FILE_DENIED", _ERROR, "The file or folder may not be read.", "Give the worker the right to read it."),
    Rule("FOLDER_FILE_NAME", _ERROR, "The file's name is no plain path of text.", "Rename the file."),
    # the dataset's configuration
    Rule("YAML_AMBIGUOUS", _WARNING, "Several dataset descriptions were found.", "Keep one, near the root."),
    Rule("YAML_KEY_ALIAS", _INFO, "A key is spelt differently from what trainers read.", "Rename the key."),
    Rule("YAML_MISSING", _WARNING, "There is no dataset description.", "Add a data.yaml with train, val and names."),
    Rule("YAML_SYNTAX", _ERROR, "The description is no YAML that can be read.", "Correct the line."),
    Rule("YAML_ENCODING", _ERROR, "The description is not UTF-8 text.", "Save it as UTF-8."),
    Rule("YAML_LIMIT", _ERROR, "The description holds more than is read.", "Shorten it."),
    Rule("YAML_NOTES_LIMIT", _INFO, "The description says more, beside splits and names, than is kept.", "Shorten it."),
    Rule("YAML_NAMES_FILE", _WARNING, "`names` is the path of a file.", "Write the names into the description."),
    Rule("YAML_NAMES_INVERTED", _WARNING, "`names` maps names to ids.", "Map ids to names."),
    Rule(
        "YAML_FLIP_IDX", _WARNING, "`flip_idx` does not fit the keypoints.", "Name for each keypoint its mirror image."
    ),
    Rule("YAML_NC_MISMATCH", _WARNING, "`nc` is not the number of names.", "Set `nc` to the number of names."),
    Rule("YAML_TYPE", _ERROR, "A value of the description is of the wrong kind.", "Write it as the message says."),
    Rule("YAML_NAMES_GAP", _WARNING, "Category ids are not 0 to n-1.", "Number the names from 0 without gaps."),
    Rule("YAML_PATH_UNRESOLVED", _ERROR, "A path of the description names nothing here.", "Correct the path."),
    Rule("YAML_DOWNLOAD_SCRIPT", _WARNING, "The description carries a download script; it is never run.", "Remove it."),
    Rule("NAME_DUPLICATE", _WARNING, "Two categories have the same name.", "Rename one of them."),
    Rule("NAME_YAML_COERCED", _WARNING, "YAML read a category name as another type.", "Quote the name."),
    Rule("NAME_EMPTY", _WARNING, "A category has an empty name; it is called after its id.", "Give it a name."),
    Rule("JSON_SYNTAX", _ERROR, "The file is no JSON.", "Write the file again."),
    Rule("JSON_TYPE", _ERROR, "An element is not what its list holds.", "Give it what the message asks for."),
    Rule(
        "NAME_REPLACED",
        _WARNING,
        "The first name begins with n0, so trainers call all categories by words of ImageNet.",
        "Rename the first category.",
    ),
    Rule(
        "NAME_UNKNOWN", _WARNING, "No file names the categories; they are called after their ids.", "Add classes.txt."
    ),
    Rule("NAME_FILE_UNUSED", _WARNING, "A file that names categories is not used.", "Keep one, with the right order."),
    # images and their labels
    Rule("PAIR_MISSING_LABEL", _INFO, "The image has no label file.", "Add one, or leave it as background.", _KEEPS),
    Rule("PAIR_EMPTY_LABEL", _INFO, "The label file has no rows.", "Nothing, if this is background.", _KEEPS),
    Rule("PAIR_ORPHAN_LABEL", _WARNING, "The label file has no image.", "Add the image or remove the label."),
    Rule("PAIR_STEM_COLLISION", _WARNING, "Two images share one label file.", "Rename one image and its label."),
    Rule("PAIR_SPLIT_DUP", _WARNING, "The image is listed in several splits; the first is kept.", "List it once."),
    Rule("PAIR_MISSING_IMAGE", _ERROR, "A list names an image that is not here.", "Add it or remove the line."),
    Rule(
        "PAIR_CASE",
        _WARNING,
        "A label's name differs in case from its image's.",
        "Rename it: trainers miss it.",
        _KEEPS,
    ),
    Rule("PAIR_NAME_FORM", _INFO, "Image and label spell one name in two Unicode forms.", "Write both in NFC.", _KEEPS),
    Rule(
        "PAIR_STEM_SPLITS", _INFO, "Images of several splits have the same names.", "Check that they are not the same."
    ),
    Rule("NDJSON_LINE", _ERROR, "The line says nothing of an image that can be read.", "Write it as the message says."),
    Rule("PAIR_UNLISTED_IMAGE", _INFO, "Images that no split names were left out.", "Add them to a split."),
    Rule("LABEL_TOO_LARGE", _ERROR, "The label file is larger than the limit.", "Split it, or raise the limit."),
    Rule(
        "LABEL_SIZE_MISMATCH",
        _WARNING,
        "The label says another size than the image has.",
        "Make labels for the image as it is.",
    ),
    Rule("IMG_UNREADABLE", _ERROR, "The image's header cannot be read.", "Replace the image.", _DROPS_IMAGE),
    Rule("IMG_TRUNCATED", _WARNING, "The file ends before the image does.", "Replace the image.", _DROPS_IMAGE),
    Rule("IMG_DAMAGED", _WARNING, "Pixels are damaged or missing, unnoticed by trainers.", "Replace it.", _KEEPS),
    Rule("IMG_TRAILING_BYTES", _WARNING, "Other bytes come behind a JPEG's end.", "Cut them off.", _REWRITES_FILE),
    Rule("IMG_BITDEPTH", _INFO, "Samples of more than 8 bits, of which trainers keep 8.", "Scale to 8 bits.", _KEEPS),
    Rule("IMG_UNDECODABLE", _WARNING, "No decoder takes the image.", "Replace the image.", _DROPS_IMAGE),
    Rule("IMG_CHECKSUM", _WARNING, "A PNG's own checksum does not match.", "Replace the image.", _DROPS_IMAGE),
    Rule("IMG_NOT_DECODED", _INFO, "The image was too large, or took too long, to be decoded.", "Tile it.", _KEEPS),
    Rule("IMG_DUP_CONTENT", _WARNING, "Several images have the same bytes.", "Keep one of them."),
    Rule("IMG_NEAR_DUP", _WARNING, "Several images look nearly the same.", "Keep one, or keep them in one split."),
    Rule("SET_SPLIT_LEAK", _WARNING, "The same bytes are in several splits.", "Keep them in one split."),
    Rule("IMG_TOO_SMALL", _WARNING, "A side is shorter than 10 pixels.", "Use a larger image.", _DROPS_IMAGE),
    Rule("IMG_TOO_LARGE", _WARNING, "The image claims more pixels than decoders accept.", "Tile it.", _DROPS_IMAGE),
    Rule("IMG_TOO_MANY_BYTES", _ERROR, "The image file is larger than the limit.", "Raise the limit, or tile it."),
    Rule("IMG_FORMAT", _WARNING, "Trainers do not read images of this format.", "Save it as PNG.", _DROPS_IMAGE),
    Rule("IMG_EXT_MISMATCH", _INFO, "The name's ending is not the content's format.", "Rename the file.", _KEEPS),
    Rule("IMG_NOT_MEASURED", _INFO, "The format is kept, but its header is not read.", "Nothing.", _KEEPS),
    Rule("IMG_EXIF_ROTATED", _INFO, "EXIF turns the image on display.", "Check labels against the turned image."),
    # rows of labels
    Rule("ROW_ENCODING", _ERROR, "The label file is not UTF-8 text.", "Save it as UTF-8.", _DROPS_IMAGE),
    Rule("ROW_NOT_NUMERIC", _ERROR, "A value is not a number.", "Write plain decimal numbers.", _DROPS_IMAGE),
    Rule(
        "ROW_SEPARATOR",
        _ERROR,
        "Values are separated by commas or semicolons, or have decimal commas.",
        "Write spaces between values, and decimal points.",
        _DROPS_IMAGE,
    ),
    Rule("ROW_NAN", _ERROR, "A value is not finite.", "Correct the value or remove the row.", _DROPS_IMAGE),
    Rule("ROW_COLUMNS", _ERROR, "The row's number of columns fits no task.", "Use 5, or 1 + 2n.", _DROPS_IMAGE),
    Rule("ROW_RAGGED", _WARNING, "The file's rows differ in length.", "Write the same columns in each.", _DROPS_IMAGE),
    Rule("ROW_MIXED_TASK", _WARNING, "Rows of different tasks are mixed.", "Use one kind.", _DROPS_IMAGE),
    Rule("ROW_CLASS_FLOAT", _ERROR, "The category id is not a whole number.", "Write an integer id.", _DROPS_IMAGE),
    Rule("ROW_CLASS_NEGATIVE", _ERROR, "The category id is negative.", "Number categories from 0.", _DROPS_IMAGE),
    Rule("ROW_CLASS_RANGE", _ERROR, "The category id has no name.", "Add the name or correct the id.", _DROPS_IMAGE),
    Rule("ROW_COORD_RANGE", _ERROR, "A coordinate lies outside 0 to 1.", "Normalise by image size.", _DROPS_IMAGE),
    Rule(
        "ROW_PIXEL_COORDS",
        _ERROR,
        "Most rows of the file are in pixels.",
        "Divide by the image's width and height.",
        _DROPS_IMAGE,
    ),
    Rule("ROW_KPT_RANGE", _ERROR, "A keypoint lies outside 0 to 1.", "Normalise by image size.", _DROPS_IMAGE),
    Rule("ROW_COORD_TOLERANCE", _INFO, "A coordinate is outside by less than 0.01.", "Clip it to 0 to 1.", _TOLERATED),
    Rule("ROW_CORNER_OUTSIDE", _WARNING, "The box or outline leaves the image.", "Clip it to the image.", _KEEPS),
    Rule(
        "ROW_XYXY_SUSPECT",
        _WARNING,
        "The file's boxes look like corners, not like centre and size.",
        "Write centre, width and height.",
        _KEEPS,
    ),
    Rule("ROW_NO_SIZE", _ERROR, "The row is in pixels of an image whose size is not known.", "Use JPEG or PNG."),
    Rule("ROW_ZERO_AREA", _WARNING, "The box has no width or no height.", "Remove the row.", _KEEPS),
    Rule("ROW_TINY", _WARNING, "The object is too small to be learnt.", "Remove it, or tile the image.", _KEEPS),
    Rule("ROW_DUPLICATE", _WARNING, "The row says what an earlier one says.", "Remove it.", _DROPS_ROW),
    Rule("ROW_NEAR_DUPLICATE", _WARNING, "The box nearly is that of an earlier row.", "Remove one of them.", _KEEPS),
    Rule("ROW_POLY_POINTS", _WARNING, "The polygon has fewer than 3 different points.", "Remove the row.", _KEEPS),
    Rule("ROW_POLY_SELF_INTERSECT", _WARNING, "The polygon's outline crosses itself.", "Draw it anew.", _KEEPS),
    Rule("ROW_KPT_VISIBILITY", _WARNING, "A keypoint's visibility is not 0, 1 or 2.", "Write 0, 1 or 2.", _KEEPS),
    Rule("ROW_LIMIT", _ERROR, "The file holds more points than one image may have.", "Simplify the polygons."),
    # the dataset as a whole
    Rule("SET_NO_VAL", _WARNING, "No split is for validation.", "Move some images to `val`."),
    Rule("SET_NO_LABELS", _WARNING, "No image has a label.", "Add label files, or check where they lie."),
    Rule("SET_CLASS_UNUSED", _WARNING, "A category has no annotation.", "Remove it, or label some."),
    Rule("SET_CLASS_IMBALANCE", _WARNING, "Some categories are far rarer than others.", "Add images of the rare ones."),
    Rule("SET_ONE_BASED", _WARNING, "Category ids seem to count from 1.", "Number categories from 0."),
    Rule("SET_TASK_AMBIGUOUS", _WARNING, "The rows may be of another task.", "Say which: `task`, or `kpt_shape`."),
    Rule("SET_BOXES_IDENTICAL", _WARNING, "All images have the same box.", "Check how the boxes were made."),
    Rule("SET_FULL_IMAGE_BOXES", _WARNING, "Many boxes cover the whole image.", "Label them as a classification."),
    # labels in pixels, in XML and in tables
    Rule("LABEL_SIZE_MISSING", _INFO, "The label declares no size; the image's own is used.", "Add the size."),
    Rule("ROW_CORNER_ORDER", _ERROR, "A box ends before it begins.", "Write the smaller coordinate first."),
    Rule("ROW_CLASS_UNKNOWN", _ERROR, "The category is none of the dataset's.", "Correct its name, or list it."),
    Rule("ROW_SCORE", _INFO, "The row has a score, as a detector writes it.", "Nothing, if these are results."),
    Rule("XML_SYNTAX", _ERROR, "The file is not well-formed XML.", "Write the file again."),
    Rule("XML_ENTITY", _ERROR, "The file declares entities, which are never expanded.", "Write it without a DTD."),
    Rule("XML_KIND", _ERROR, "The XML file is no annotation of an image.", "Move it elsewhere."),
    Rule("XML_FIELD", _ERROR, "An object lacks its name, its box or points.", "Complete it, or remove it."),
    Rule("XML_FILENAME", _INFO, "The file says that it is of another image.", "Correct its `<filename>`."),
    Rule("CSV_ROW", _ERROR, "The table's row cannot be read.", "Write it again as the first rows are."),
    Rule("CSV_COLUMNS", _INFO, "Columns of the table are not read.", "Nothing, if they are no labels."),
    # classes and splits
    Rule("SET_CHANNELS_MIXED", _INFO, "Some images are gray, others have colours.", "Convert them to one of both."),
    Rule("SET_DONT_CARE", _INFO, "Some annotations are of regions nobody labelled.", "Leave them out of training."),
    Rule("SET_CLASS_NOT_IN_SPLIT", _WARNING, "A split has no image of some classes.", "Move some images to it."),
    Rule("SET_UNLABELLED", _INFO, "Images of the split have no label.", "Nothing, if they are for testing."),
)

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in _RULES})
